"""`pulseops key …`: the API keys of a database, for operators who can reach it."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.access.administration import Issued, NewKey, create_key, log_of, revoke_key, rotate_key
from pulseops.access.listing import Shown, list_keys
from pulseops.access.permissions import Role
from pulseops.access.recording import local
from pulseops.cli.database import Json, in_database, print_structs, stop
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log, list_logs
from pulseops.kernel.clock import utc_now
from pulseops.kernel.durations import parse_duration
from pulseops.kernel.errors import NotFound

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NONE = timedelta()
_LONGEST, _FASTEST = 200, 100_000  # characters of a team's name, requests a second

key = App(
    name="key",
    help="""Make, list, rotate and revoke API keys, in the database of PULSEOPS_DATABASE_URL
    or of the local `up`.

    `pulseops up` makes the first one, and keeps it in its home as admin.key.
    """,
)


class Listed(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A key as `--json` tells of it; `key` itself once, when it is made or rotated."""

    id: str
    name: str
    role: str
    log: str
    key: str | None = None
    teams: tuple[str, ...] | None = None
    rate: int | None = None
    source: str | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    overlap_until: datetime | None = None


class Revoked(Struct, frozen=True):
    id: str
    revoked: bool = True


def _named(_: Any, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("a name has up to 64 letters, digits, dots, dashes and underscores")


def _lasting(_: Any, text: str | None) -> None:
    if text is not None:
        parse_duration(text)


def _overlapping(_: Any, text: str) -> None:
    if text != "0":
        parse_duration(text)


def _teams(_: Any, text: str | None) -> None:
    if text is not None and not all(0 < len(name.strip()) <= _LONGEST for name in text.split(",")):
        raise ValueError("teams are names with commas between them")


def _counted(_: Any, rate: int | None) -> None:
    if rate is not None and not 1 <= rate <= _FASTEST:
        raise ValueError("a rate is 1 to 100000 requests a second")


@key.command
def create(
    name: Annotated[str, Parameter(validator=_named)],
    /,
    *,
    role: Role,
    teams: Annotated[str | None, Parameter(validator=_teams)] = None,
    expires: Annotated[str | None, Parameter(validator=_lasting)] = None,
    rate: Annotated[int | None, Parameter(validator=_counted)] = None,
    source: str | None = None,
    log: str = DEFAULT,
    json: Json = False,
) -> None:
    """Make a key and print it, this one time: only its hash is kept. Events name who used it: key:NAME.

    Parameters
    ----------
    role
        What it may do (docs/access.md). Give each program the least that it needs.
    teams
        The teams whose incidents it sees, such as payments,search; all without it.
    expires
        After how long it opens nothing, such as 90d; never without it.
    rate
        Requests a second that it may make.
    source
        The integration that it is for, such as grafana.
    log
        The log that it opens, and the only one (see `pulseops logs`).
    json
        Print it as JSON, with its id.
    """
    now = utc_now()
    wanted = NewKey(
        name=name,
        role=role,
        teams=None if teams is None else tuple(one.strip() for one in teams.split(",")),
        source=source,
        rate=rate,
        expires_at=None if expires is None else now + parse_duration(expires),
    )

    async def make(pool: asyncpg.Pool) -> Issued:
        return await create_key(pool, wanted, local("cli", now=now), log_id=await find_log(pool, log))

    _tell(in_database(make), log, json=json)


@key.command
def rotate(
    key_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    overlap: Annotated[str, Parameter(validator=_overlapping)] = "24h",
    json: Json = False,
) -> None:
    """Give a key a new secret and print it, this one time. The secret before opens for a while longer.

    Parameters
    ----------
    overlap
        For how long, such as 24h; 0 for not at all, when it has leaked.
    json
        Print it as JSON, with its id.
    """
    longer = _NONE if overlap == "0" else parse_duration(overlap)

    async def change(pool: asyncpg.Pool) -> tuple[Issued, str]:
        log_id = await log_of(pool, key_id)
        issued = await rotate_key(pool, key_id, local("cli", now=utc_now()), overlap=longer, log_id=log_id)
        return issued, (await _logs(pool))[log_id]

    issued, log = in_database(change)
    _tell(issued, log, json=json)


@key.command(name="list")
def list_all(*, json: Json = False) -> None:
    """List the keys that open: id, name, role, the log that each opens, its limits and its last use.

    Parameters
    ----------
    json
        Print them as JSON.
    """

    async def read(pool: asyncpg.Pool) -> list[Listed]:
        found: list[Listed] = []
        for log_id, log in (await _logs(pool)).items():
            cursor = None
            while True:
                page = await list_keys(pool, cursor=cursor, log_id=log_id)
                found += [_listed(one, log) for one in page.items if one.status == "open"]
                if (cursor := page.next_cursor) is None:
                    break
        return found

    listed = sorted(in_database(read), key=lambda one: (one.log, one.name))
    if json:
        print_structs(listed)
        return
    head = ("ID", "NAME", "ROLE", "LOG", "TEAMS", "EXPIRES", "LAST USED")
    rows = Table(*head, box=None, pad_edge=False, header_style="dim")
    for one in listed:
        limits = (",".join(one.teams or ()) or "all", _day(one.expires_at), _day(one.last_used_at))
        rows.add_row(*(Text(harmless(text)) for text in (one.id, one.name, one.role, one.log, *limits)))
    say(rows)


@key.command
def revoke(key_id: Annotated[str, Parameter(name="ID")], /, *, json: Json = False) -> None:
    """Revoke a key by its id: it opens nothing from at most a second later. Also the last one of a log.

    Parameters
    ----------
    json
        Print what was done as JSON.
    """

    async def close(pool: asyncpg.Pool) -> bool:
        by = local("cli", now=utc_now())
        try:
            log_id = await log_of(pool, key_id)
            return (await revoke_key(pool, key_id, by, log_id=log_id, spare_last=False)).revoked_at == by.now
        except NotFound:
            return False

    if not in_database(close):
        raise stop("There is no such key that opens.", REFUSED)
    if json:
        print_structs(Revoked(id=key_id))
    else:
        say(f"Revoked {harmless(key_id)}.")


async def _logs(pool: asyncpg.Pool) -> dict[int, str]:
    return {one.log_id: one.name for one in await list_logs(pool)}


def _tell(issued: Issued, log: str, *, json: bool) -> None:
    print_structs(_listed(issued.key, log, issued.token)) if json else print(issued.token)


def _listed(one: Shown, log: str, token: str | None = None) -> Listed:
    return Listed(
        id=one.id,
        name=one.name,
        role=one.role,
        log=log,
        key=token,
        teams=one.teams,
        rate=one.rate,
        source=one.source,
        expires_at=one.expires_at,
        last_used_at=one.last_used_at,
        overlap_until=one.overlap_until,
    )


def _day(when: datetime | None) -> str:
    return "never" if when is None else f"{when:%Y-%m-%d %H:%M}"
