"""Which rules there were at a position of the log, and what changed between two."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
from msgspec import Struct, field
from msgspec.structs import asdict

from pulseops.eventstore.codec import COLUMNS, Codec
from pulseops.eventstore.moments import Point, Span
from pulseops.kernel.envelope import Recorded
from pulseops.rulebook.events import FACTS, RulesApplied
from pulseops.rulebook.recording import stream_of
from pulseops.rulebook.unified import unified
from pulseops.rulebook.written import SECTIONS, as_yaml

MOST = 200
"""Records that one answer names."""

_CODEC = Codec(FACTS)
_AT = f"""
SELECT {COLUMNS} FROM eventstore.event
WHERE log_id = $1 AND stream_id = $2 AND position <= $3
  AND ($4::text IS NULL OR EXISTS (
    SELECT FROM unnest($5::text[]) AS section (name)
    -- In a query string + stands for a blank.
    WHERE replace(data -> section.name ->> 'version', '+', ' ') = replace($4, '+', ' ')))
ORDER BY version DESC LIMIT 1
"""  # noqa: S608 -- a constant of ours
# Without the rules themselves, which may be a megabyte each.
_BETWEEN = """
SELECT e.position, e.recorded_at, e.data ->> 'process' AS process, e.data ->> 'sha256' AS sha256,
  ARRAY(
    SELECT coalesce(e.data -> s.name ->> 'version', '')
    FROM unnest($6::text[]) WITH ORDINALITY AS s (name, nth) ORDER BY s.nth
  ) AS versions
FROM eventstore.event AS e
WHERE e.log_id = $1 AND e.stream_id = $2 AND e.position > $3 AND e.position <= $4 ORDER BY e.version LIMIT $5
"""


class Applied(Struct, frozen=True, kw_only=True, rename="camel"):
    """That rules were applied: where in the log, when, by which process, and what they call themselves.

    `versions` are those of the sections, which decisions cite.
    """

    position: int
    recorded_at: datetime
    process: str
    sha256: str
    versions: dict[str, str]


class Rules(Applied, frozen=True, kw_only=True, rename="camel"):
    """All rules of then: each section with its defaults, as a rules file would say it.

    `text` is the operator's own file to the letter; empty where there was none.
    """

    classification: dict[str, Any]
    assignment: dict[str, Any]
    escalation: dict[str, Any]
    text: str


class RulesDiff(Struct, frozen=True, kw_only=True, rename="camel"):
    """What rules there were, and which were applied between; `diff` is a unified one, of them all as YAML.

    `before` and `after` are null where none were recorded yet. Of very many `applied` the first are told.
    """

    since: Point = field(name="from")
    until: Point = field(name="to")
    before: Applied | None
    after: Applied | None
    applied: tuple[Applied, ...]
    diff: str


async def rules_at(
    connection: asyncpg.Connection, position: int, *, version: str | None = None, log_id: int
) -> Rules | None:
    """None when none were recorded by then; with `version`, none with a section that decisions cite so."""
    recorded = await _at(connection, position, log_id, version)
    if recorded is None:
        return None
    fact = recorded.fact
    return Rules(
        **asdict(_applied(recorded)),
        classification=fact.classification,
        assignment=fact.assignment,
        escalation=fact.escalation,
        text=fact.text,
    )


async def rules_between(pool: asyncpg.Pool, span: Span, *, log_id: int) -> RulesDiff:
    first, last = span.since.position, span.until.position
    # Others need the connection while the two are held against each other.
    async with pool.acquire() as connection:
        before = await _at(connection, first, log_id)
        after = await _at(connection, last, log_id)
        rows = await connection.fetch(_BETWEEN, log_id, stream_of(log_id), first, last, MOST, SECTIONS)
    return RulesDiff(
        since=span.since,
        until=span.until,
        before=None if before is None else _applied(before),
        after=None if after is None else _applied(after),
        applied=tuple(
            Applied(**{**row, "versions": dict(zip(SECTIONS, row["versions"], strict=True))}) for row in rows
        ),
        diff=await asyncio.to_thread(_diff, before, after),
    )


async def _at(
    connection: asyncpg.Connection, position: int, log_id: int, version: str | None = None
) -> Recorded[RulesApplied] | None:
    row = await connection.fetchrow(_AT, log_id, stream_of(log_id), position, version, SECTIONS)
    return None if row is None else _CODEC.decode(row)


def _applied(recorded: Recorded[RulesApplied]) -> Applied:
    fact = recorded.fact
    versions = {name: str(section.get("version", "")) for name, section in _sections(fact).items()}
    return Applied(
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        process=fact.process,
        sha256=fact.sha256,
        versions=versions,
    )


def _sections(fact: RulesApplied) -> dict[str, dict[str, Any]]:
    return {name: getattr(fact, name) for name in SECTIONS}


def _diff(before: Recorded[RulesApplied] | None, after: Recorded[RulesApplied] | None) -> str:
    if before is not None and after is not None and before.version == after.version:
        return ""
    return unified(_lines(before), _lines(after), _named(before), _named(after))


def _lines(one: Recorded[RulesApplied] | None) -> Sequence[str]:
    return [] if one is None else as_yaml(_sections(one.fact)).splitlines(keepends=True)


def _named(one: Recorded[RulesApplied] | None) -> str:
    return f"rules@{0 if one is None else one.position}"
