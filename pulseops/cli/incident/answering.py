"""`pulseops incident …`: who has it, who hears of it, and when it is over."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cyclopts import App, Parameter

from pulseops.cli.render import say
from pulseops.cli.reply import BY_ITSELF, How, Id, Prose, WholeId, done, zoned
from pulseops.cli.speak import PLAINLY, USAGE, Speak, speaking
from pulseops.cli.words import harmless
from pulseops.incidents.events import Resolution
from pulseops.kernel.durations import parse_duration

_FLAG = Parameter(negative=())

answering = App()


@answering.command(name=["acknowledge", "ack"])
def acknowledge(incident_id: Id, /, *, how: How = BY_ITSELF, speak: Speak = PLAINLY) -> None:
    """Say that somebody is on it: escalation stops."""
    with speaking(speak) as client:
        done(client, "Acknowledged", client.incidents.acknowledge.answer(incident_id, **how.said()), speak)


@answering.command(name=["unacknowledge", "unack"])
def unacknowledge(incident_id: Id, /, *, how: How = BY_ITSELF, speak: Speak = PLAINLY) -> None:
    """Say that nobody is on it any more: escalation begins anew."""
    with speaking(speak) as client:
        written = client.incidents.unacknowledge.answer(incident_id, **how.said())
        done(client, "No longer acknowledged:", written, speak)


@answering.command
def resolve(
    incident_id: Id,
    /,
    *,
    resolution: Resolution | None = None,
    cause: Prose | None = None,
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Say that it is over.

    Parameters
    ----------
    resolution
        How it ended.
    cause
        What was behind it.
    """
    with speaking(speak) as client:
        written = client.incidents.resolve.answer(
            incident_id, resolution=resolution, cause=cause, **how.said()
        )
        done(client, "Resolved", written, speak)


@answering.command
def reopen(incident_id: Id, /, *, how: How = BY_ITSELF, speak: Speak = PLAINLY) -> None:
    """Say that it is not over after all."""
    with speaking(speak) as client:
        done(client, "Reopened", client.incidents.reopen.answer(incident_id, **how.said()), speak)


@answering.command
def assign(
    incident_id: Id,
    /,
    *,
    team: str | None = None,
    responder: str | None = None,
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Give it to a team, to one person, or to both.

    Parameters
    ----------
    team
        The team; else it stays where it is.
    responder
        The person.
    """
    with speaking(speak) as client:
        written = client.incidents.assign.answer(incident_id, team=team, responder=responder, **how.said())
        done(client, "Assigned", written, speak)


def _asked(when: Sequence[str]) -> timedelta | datetime:
    """Raises ValueError for what is neither a duration nor a time with its zone."""
    given = " ".join(when).removeprefix("until ").strip()
    if not re.match(r"\d{4}-", given):
        try:
            return parse_duration(given)
        except ValueError as error:
            raise ValueError(f"{error}, or until YYYY-MM-DDThh:mm:ssZ") from error
    moment = datetime.fromisoformat(given)
    zoned(None, moment)
    return moment


@answering.command
def snooze(
    incident_id: Id,
    /,
    *when: str,
    how: How = BY_ITSELF,
    speak: Speak = PLAINLY,
) -> None:
    """Let nobody hear of it for a while.

    Parameters
    ----------
    when
        For how long (2h, 1d12h), or until when, with its zone (until YYYY-MM-DDThh:mm:ssZ).
    """
    try:
        asked = _asked(when)
    except ValueError as error:
        say(harmless(str(error)), stderr=True)
        raise SystemExit(USAGE) from error
    with speaking(speak) as client:
        # A duration runs from the server's now: this machine's clock may be off.
        if isinstance(asked, timedelta):
            asked = client.incidents.get.answer(incident_id).now + asked
        done(client, "Snoozed", client.incidents.snooze.answer(incident_id, asked, **how.said()), speak)


@answering.command
def unsnooze(incident_id: Id, /, *, how: How = BY_ITSELF, speak: Speak = PLAINLY) -> None:
    """Let it need an answer again, now."""
    with speaking(speak) as client:
        done(client, "Awake again:", client.incidents.unsnooze.answer(incident_id, **how.said()), speak)


@answering.command
def escalate(
    incident_id: Id, /, *, to: str | None = None, how: How = BY_ITSELF, speak: Speak = PLAINLY
) -> None:
    """Let the next level hear of it now.

    Parameters
    ----------
    to
        Who shall hear of it, instead of whom the policy names.
    """
    with speaking(speak) as client:
        done(client, "Escalated", client.incidents.escalate.answer(incident_id, to=to, **how.said()), speak)


@answering.command
def merge(incident_id: Id, into: WholeId, /, *, how: How = BY_ITSELF, speak: Speak = PLAINLY) -> None:
    """Say that it is the same fault as another incident: it lives on in that one."""
    with speaking(speak) as client:
        done(client, "Merged", client.incidents.merge.answer(incident_id, into, **how.said()), speak)


@answering.command
def split(incident_id: Id, /, *, how: How = BY_ITSELF, speak: Speak = PLAINLY) -> None:
    """Take it out again of what it was merged into."""
    with speaking(speak) as client:
        done(client, "Split", client.incidents.split.answer(incident_id, **how.said()), speak)
