"""Changing the catalog: who may, whether it is still as the caller read it, and what other entries forbid.

What is asked of the entry itself is certain: it is decided on the version that was looked at, or not at all.
What is asked of other entries (that the owner exists, that nobody is owned) was so a moment before.
"""

from collections.abc import Callable
from typing import Any
from zlib import crc32

import asyncpg
import msgspec
import structlog
from msgspec import Struct

from pulseops.access.keys import Principal
from pulseops.catalog import service, team
from pulseops.catalog.commands import Command, Define, Retire
from pulseops.catalog.defaults import Defaults
from pulseops.catalog.entry import Entry, Kind, named, stream_of
from pulseops.catalog.events import CatalogFact, Defined, ServiceDefined
from pulseops.catalog.store import Catalog
from pulseops.eventstore.history import newest
from pulseops.eventstore.outcome import Outcome
from pulseops.http import idempotency
from pulseops.http.etag import Conditions
from pulseops.http.exchange import Exchange
from pulseops.http.pointers import meant
from pulseops.http.refusal import Fault, Refused
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context
from pulseops.kernel.errors import InUse, InvalidInput, NotFound, VersionConflict
from pulseops.subscriptions.positions import models
from pulseops.subscriptions.reads import Reads

_ATTEMPTS = 5
_TOLD = 10
"""Services that are named of those that a team owns."""

_log = structlog.get_logger("pulseops.catalog")


class Desk(Struct, frozen=True, kw_only=True):
    """Where one request is dealt with: who asks, under which conditions, and what can be asked of whom.

    `denied` puts it on record that the caller may not, and is what to raise.
    """

    catalog: Catalog
    defaults: Defaults
    reads: Reads
    principal: Principal
    exchange: Exchange
    conditions: Conditions
    key: str | None
    denied: Callable[[str], Refused]


class Written(Struct, frozen=True, kw_only=True):
    """`created`: there was no such entry, not even in the rules file."""

    entry: Entry
    created: bool
    replayed: bool


def tag(kind: Kind, name: str, entry: Entry | None, defaults: Defaults) -> bytes | None:
    """The entity tag of an entry as it is shown; None when there is nothing to show."""
    if entry is not None and not entry.retired:
        return b"%d" % entry.version
    shown = team.default(name, defaults) if kind == "team" else service.default(name, defaults)
    return None if shown is None else b"rules-%08x" % crc32(msgspec.json.encode(shown))


async def current(catalog: Catalog, kind: Kind, name: str) -> Entry | None:
    """An entry as its stream has it, retired or not."""
    return catalog.decider.fold(await catalog.history.stream(stream_of(kind, name, log_id=catalog.log_id)))


async def define(desk: Desk, kind: Kind, name: str, command: Define) -> Written:
    """Raises Refused, InvalidInput, and what the store raises."""
    if not named(name) and not desk.defaults.has(kind, name):
        detail = (
            "A name has 1 to 63 of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or digit."
        )
        raise Refused("invalid-input", detail, errors=[Fault(detail=detail, parameter="name")])
    return await _execute(desk, kind, name, command)


async def retire(desk: Desk, kind: Kind, name: str, command: Retire) -> Written:
    """Raises Refused, NotFound, InUse, Behind, and what the store raises."""
    return await _execute(desk, kind, name, command)


async def _execute(desk: Desk, kind: Kind, name: str, command: Command) -> Written:
    catalog, stream_id = desk.catalog, stream_of(kind, name, log_id=desk.catalog.log_id)
    identity = idempotency.identity(
        desk.key,
        caller=desk.principal.caller,
        kind=f"{type(command).__name__.lower()}-{kind}",
        body=command,
        of=name,
    )
    context = Context(
        actor=desk.principal.actor,
        now=utc_now(),
        command_id=identity.command_id,
        fingerprint=identity.fingerprint,
        correlation_id=desk.exchange.correlation_id,
    )
    for _ in range(_ATTEMPTS):
        entry = await current(catalog, kind, name)
        if not await _answered(catalog, context):
            await _check(desk, kind, name, command, entry)
        version = 0 if entry is None else entry.version
        try:
            outcome = await catalog.execute(stream_id, command, context, expected_version=version)
        except VersionConflict:
            if desk.conditions.given:
                raise Refused(
                    "version-conflict", "It was changed at the same moment. Read it again."
                ) from None
        else:
            return _written(outcome, new=tag(kind, name, entry, desk.defaults) is None)
    raise Refused("contended", "Others keep changing this entry. Try again.")


async def _answered(catalog: Catalog, context: Context) -> bool:
    """Whether this very request was carried out before: then nothing is asked any more."""
    if context.fingerprint is None:
        return False
    return await catalog.history.answered(context.command_id, context.fingerprint) is not None


def _written(outcome: Outcome[Entry | None, CatalogFact], *, new: bool) -> Written:
    if outcome.state is None:
        raise NotFound("There is no such entry in the catalog.")
    for one in outcome.facts if not outcome.replayed else ():
        _log.info(
            "catalog changed",
            type=one.fact.type,
            name=one.fact.name,
            actor=one.meta.actor,
            correlation_id=str(one.meta.correlation_id),
        )
    created = outcome.facts[0].version == 1 if outcome.replayed and outcome.facts else new
    return Written(entry=outcome.state, created=created, replayed=outcome.replayed)


async def _check(desk: Desk, kind: Kind, name: str, command: Command, entry: Entry | None) -> None:
    """In the order in which a caller wants to know."""
    there = tag(kind, name, entry, desk.defaults)
    if isinstance(command, Retire) and entry is None and there is None:
        raise NotFound(f"There is no {kind} of this name.")
    _permit(desk, kind, name, command, entry)
    desk.conditions.check(there)
    match command:
        case Define(value=ServiceDefined(team=owner)):
            await _require_team(desk, owner)
        case Define():
            pass
        case Retire():
            await _require_unused(desk, kind, name, entry)


def _permit(desk: Desk, kind: Kind, name: str, command: Command, entry: Entry | None) -> None:
    """A key for some teams writes these teams, and services that are and stay theirs."""
    mine = desk.principal.teams
    if mine is None:
        return
    owners = {name} if kind == "team" else set()
    if kind == "service":
        if entry is not None and not entry.retired:
            owners |= _owner(entry.value)
        elif name in desk.defaults.services:
            owners.add(desk.defaults.services[name])
        if isinstance(command, Define):
            owners |= _owner(command.value)
    if foreign := sorted(owners - mine):
        raise desk.denied(f"Your key is for other teams than {foreign[0][:100]}.")


def _owner(value: Defined) -> set[str]:
    return {value.team} if isinstance(value, ServiceDefined) else set()


async def _require_team(desk: Desk, name: str) -> None:
    if name in desk.defaults.teams:
        return
    found = await current(desk.catalog, "team", name)
    if found is not None and not found.retired:
        return

    async def look(connection: asyncpg.Connection) -> list[str]:
        return await team.names_of_teams(connection, log_id=desk.catalog.log_id)

    known = (await _look(desk, team.TEAMS.name, look)) or []
    near = meant(name.lower(), [*desk.defaults.teams, *known])
    raise InvalidInput(f'There is no team "{name[:100]}".{near}', pointer="/team")


async def _require_unused(desk: Desk, kind: Kind, name: str, entry: Entry | None) -> None:
    if desk.defaults.has(kind, name):
        raise InUse(
            f"The rules file ({desk.defaults.version}) names the {kind} {name}. Take it out of there first, "
            "or define it otherwise."
        )
    if kind == "service" or entry is None or entry.retired:
        return

    async def look(connection: asyncpg.Connection) -> list[str]:
        return await service.owned_by(connection, name, most=_TOLD + 1, log_id=desk.catalog.log_id)

    async def head(connection: asyncpg.Connection) -> int:
        return await newest(connection, desk.catalog.log_id)

    # Whatever was defined before this request counts.
    least = await _look(desk, service.SERVICES.name, head)
    if owned := await _look(desk, service.SERVICES.name, look, least=least):
        told = ", ".join(owned[:_TOLD]) + (" and more" if len(owned) > _TOLD else "")
        raise InUse(f"The team {name} owns services: {told}. Give them to another team, or retire them.")


async def _look(desk: Desk, model: str, look: Any, *, least: int = 0) -> Any:
    measure = models((model,), log_id=desk.catalog.log_id)
    return (await desk.reads.current(measure, look, least=least)).found
