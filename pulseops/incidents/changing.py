"""Changing incidents over HTTP: who asks, under which key, on which version; and what they are answered."""

from collections.abc import Callable
from typing import NoReturn, TypeAlias
from uuid import UUID

from msgspec.structs import replace

from pulseops.access.guards import principal
from pulseops.eventstore.outcome import Outcome, Part
from pulseops.http import etag, exchange, idempotency
from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import Req
from pulseops.http.position import place
from pulseops.http.refusal import Header, Refused
from pulseops.incidents.commands import Command
from pulseops.incidents.events import IncidentFact
from pulseops.incidents.incident import Incident
from pulseops.incidents.reporting import Caller, log
from pulseops.incidents.store import Incidents
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import InvalidInput, InvalidTransition, NameTaken, NotFound, VersionConflict
from pulseops.kernel.ids import derived_id

Changed: TypeAlias = Outcome[Incident | None, IncidentFact]
Allow: TypeAlias = Callable[[Incident | None], None]


class Moved(Exception):
    """It lives on in another incident by now than in the one that was looked for."""


def incidents_of(request: Req) -> Incidents:
    """The incidents of the caller's log."""
    found: Incidents = request.app.state.logs(principal(request).log_id)
    return found


def caller_of(request: Req) -> Caller:
    return Caller(principal(request), exchange.of(request))


def standing(incident: Incident) -> list[Header]:
    """The headers that say which incident an answer tells of."""
    return [etag.etag(incident.version), place(incident.position)]


def visible(request: Req) -> Allow:
    """Raises NotFound for what is not there, and for what is none of the caller's business."""
    asking = principal(request)

    def check(incident: Incident | None) -> None:
        if incident is None or not asking.sees(incident.assigned_team):
            raise NotFound("There is no such incident.")

    return check


def visible_part(request: Req, part: UUID) -> Allow:
    """As `visible`, of `part` and then of what it was merged into, which need only be there.

    Raises Moved for another one.
    """
    seen, whole = visible(request), None

    def check(incident: Incident | None) -> None:
        nonlocal whole
        if incident is None or incident.id == part:
            seen(incident)
            whole = None if incident is None else incident.merged_into
        elif whole not in {None, incident.id}:
            raise Moved

    return check


async def seen(request: Req, incident_id: UUID) -> Incident:
    """The incident as it now stands. Raises NotFound as `visible` does."""
    incidents = incidents_of(request)
    incident = incidents.decider.fold(await incidents.history.stream(incident_id))
    visible(request)(incident)
    if incident is None:
        raise NotFound
    return incident


async def require_other(request: Req, incident_id: UUID, pointer: str) -> None:
    """Raises InvalidInput when the incident that a body speaks of is not there for the caller."""
    try:
        await seen(request, incident_id)
    except NotFound as error:
        raise InvalidInput("There is no such incident.", pointer=pointer) from error


def context_of(request: Req, incident_id: UUID, body: object, kind: str) -> Context:
    """`kind` and the caller's Idempotency-Key name the command; body and incident are told apart under it."""
    caller = caller_of(request)
    identity = idempotency.identity(
        idempotency.key(request), caller=caller.principal.caller, kind=kind, body=body, of=incident_id
    )
    return Context(
        actor=caller.principal.actor,
        now=utc_now(),
        command_id=identity.command_id,
        fingerprint=identity.fingerprint,
        correlation_id=caller.exchange.correlation_id,
    )


async def repeated(request: Req, incident_id: UUID, body: object, kind: str) -> Answer | None:
    """The answer that the caller was given before under this key, whatever became of what the body names.

    To be asked before anything is asked of the world as it now is. Raises Refused for headers that cannot be.
    """
    etag.expected_version(request)
    context = context_of(request, incident_id, body, kind)
    outcome = await incidents_of(request).repeated(context, allow=visible(request))
    return None if outcome is None else changed(outcome)


async def change(
    request: Req, incident_id: UUID, command: Command, kind: str, *, body: object = None
) -> Answer:
    """Carries out one command. `body` is what the caller sent, where that is not the command itself."""
    expected = etag.expected_version(request)
    context = context_of(request, incident_id, command if body is None else body, kind)
    try:
        outcome = await incidents_of(request).execute(
            incident_id, command, context, expected_version=expected, allow=visible(request)
        )
    except (VersionConflict, NameTaken) as error:
        refuse(error, expected)
    return changed(outcome)


async def change_both(
    request: Req,
    one: tuple[UUID, Command],
    other: tuple[UUID, Command],
    kind: str,
    *,
    body: object,
    allow: Allow | None = None,
) -> Answer:
    """Carries out a command on each of two incidents, or neither; answers with the first.

    `allow` is `visible`, unless it is said otherwise.
    """
    expected = etag.expected_version(request)
    context = context_of(request, one[0], body, kind)
    beside = replace(context, command_id=derived_id(context.command_id, "the other side"))
    parts = [
        Part(stream_id=one[0], command=one[1], context=context, expected_version=expected),
        Part(stream_id=other[0], command=other[1], context=beside, expected_version=None),
    ]
    try:
        outcomes = await incidents_of(request).together(parts, allow=allow or visible(request))
    except (VersionConflict, NameTaken) as error:
        refuse(error, expected)
    return changed(*outcomes)


def changed(outcome: Changed, *others: Changed) -> Answer:
    """The incident as it now stands, of the first outcome."""
    if outcome.state is None:
        raise NotFound("There is no such incident.")
    for one in (outcome, *others):
        log(one.facts, replayed=one.replayed)
    headers = standing(outcome.state)
    if outcome.replayed:
        headers.append(idempotency.REPLAYED)
    return encoded(outcome.state, headers=headers)


def refuse(error: VersionConflict | NameTaken, expected: int | None) -> NoReturn:
    """What a caller is told who expected that version, or none."""
    if isinstance(error, NameTaken):
        raise InvalidTransition(
            f"Incident {error.holder} holds its dedupKey by now: this one cannot be open beside it.",
            current="resolved",
        ) from error
    if expected is None:
        raise Refused("contended", "Others keep changing this incident. Try again.") from error
    if expected > etag.NEVER:
        raise error
    told = 'If-Match names no version of an incident. Send the ETag as you got it, such as "3"; '
    raise Refused("version-conflict", f'{told}a weak one (W/"3") never matches.') from error
