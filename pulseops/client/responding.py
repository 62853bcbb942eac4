"""What can be done to an incident: one method a command, each named as its path."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from pulseops.client.call import Call, Id, command, incident_path
from pulseops.client.method import Room, W, method
from pulseops.incidents.commands import (
    Acknowledge,
    ChangeCategory,
    ChangePriority,
    Comment,
    DeclareImpact,
    Edit,
    Link,
    Merge,
    Reassign,
    Reopen,
    Resolve,
    Snooze,
    Split,
    Unacknowledge,
    Unsnooze,
)
from pulseops.incidents.events import Priority, Relation, Resolution
from pulseops.incidents.incident import Incident


class Escalate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person asks for; the command of this name is a policy's."""

    to: str | None = None
    note: str = ""


def _answer(
    incident_id: Id, verb: str, body: Struct, if_match: int | None, idempotency_key: str | None
) -> Call[Incident]:
    path = incident_path(incident_id, verb)
    return command(path, body, Incident, key=idempotency_key, if_match=if_match)


class Responding(Room[W]):
    """Each method returns the incident as it then stands; what was so already changes nothing.

    `if_match` is the version that the caller has seen: Refused as `version-conflict` when it is another now.
    """

    @method
    def acknowledge(
        self,
        incident_id: Id,
        *,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say that somebody is on it: escalation stops."""
        return _answer(incident_id, "acknowledge", Acknowledge(note=note), if_match, idempotency_key)

    @method
    def unacknowledge(
        self,
        incident_id: Id,
        *,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say that nobody is on it any more: escalation begins anew."""
        return _answer(incident_id, "unacknowledge", Unacknowledge(note=note), if_match, idempotency_key)

    @method
    def resolve(
        self,
        incident_id: Id,
        *,
        resolution: Resolution | None = None,
        cause: str | None = None,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say that it is over, how it ended, and what the cause was."""
        body = Resolve(note=note, resolution=resolution, cause=cause)
        return _answer(incident_id, "resolve", body, if_match, idempotency_key)

    @method
    def reopen(
        self,
        incident_id: Id,
        *,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say that it is not over after all."""
        return _answer(incident_id, "reopen", Reopen(note=note), if_match, idempotency_key)

    @method
    def assign(
        self,
        incident_id: Id,
        *,
        team: str | None = None,
        responder: str | None = None,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Give it to a team, to one person, or to both. What is left out stays."""
        body = Reassign(team=team, responder=responder, note=note)
        return _answer(incident_id, "assign", body, if_match, idempotency_key)

    @method
    def snooze(
        self,
        incident_id: Id,
        until: datetime,
        *,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Let nobody hear of it before then."""
        return _answer(incident_id, "snooze", Snooze(until=until, note=note), if_match, idempotency_key)

    @method
    def unsnooze(
        self,
        incident_id: Id,
        *,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Let it need an answer again, now."""
        return _answer(incident_id, "unsnooze", Unsnooze(note=note), if_match, idempotency_key)

    @method
    def escalate(
        self,
        incident_id: Id,
        *,
        to: str | None = None,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Let the next level hear of it now, or whoever `to` is."""
        return _answer(incident_id, "escalate", Escalate(to=to, note=note), if_match, idempotency_key)

    @method
    def priority(
        self,
        incident_id: Id,
        priority: Priority,
        *,
        correction: bool = False,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say how bad it is; as a correction, how bad it was from the beginning."""
        body = ChangePriority(priority=priority, correction=correction, note=note)
        return _answer(incident_id, "priority", body, if_match, idempotency_key)

    @method
    def category(
        self,
        incident_id: Id,
        category: str,
        *,
        correction: bool = True,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say of what kind it is; as a correction, what the classification should have been."""
        body = ChangeCategory(category=category, correction=correction, note=note)
        return _answer(incident_id, "category", body, if_match, idempotency_key)

    @method
    def edit(
        self,
        incident_id: Id,
        *,
        title: str | None = None,
        description: str | None = None,
        labels: Mapping[str, str | None] | None = None,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Change what it says. What is left out stays; a label that is None is taken away."""
        body = Edit(title=title, description=description, labels=dict(labels or {}), note=note)
        return _answer(incident_id, "edit", body, if_match, idempotency_key)

    @method
    def comment(
        self,
        incident_id: Id,
        text: str,
        *,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Add something to its history."""
        return _answer(incident_id, "comment", Comment(text=text), if_match, idempotency_key)

    @method
    def link(
        self,
        incident_id: Id,
        *,
        incident: Id | None = None,
        url: str | None = None,
        title: str = "",
        relation: Relation = "related",
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say what it has to do with: another incident, or the page at `url`."""
        other = None if incident is None else UUID(str(incident))
        body = Link(incident=other, url=url, title=title, relation=relation, note=note)
        return _answer(incident_id, "link", body, if_match, idempotency_key)

    @method
    def merge(
        self,
        incident_id: Id,
        into: Id,
        *,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say that it is the same fault as another incident: it lives on in that one."""
        return _answer(
            incident_id, "merge", Merge(into=UUID(str(into)), note=note), if_match, idempotency_key
        )

    @method
    def split(
        self,
        incident_id: Id,
        *,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Take it out again of what it was merged into."""
        return _answer(incident_id, "split", Split(note=note), if_match, idempotency_key)

    @method
    def impact(
        self,
        incident_id: Id,
        *,
        services: Sequence[str] = (),
        customers: int | None = None,
        note: str = "",
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Incident]:
        """Say who feels it: the whole of it, as known by now."""
        body = DeclareImpact(services=tuple(services), customers=customers, note=note)
        return _answer(incident_id, "impact", body, if_match, idempotency_key)
