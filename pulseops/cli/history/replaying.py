"""`pulseops replay`: history folded anew, against what everybody reads."""

from typing import Annotated

import asyncpg
from cyclopts import Parameter
from rich.table import Table

from pulseops.archive.replaying import Compared, Replayed
from pulseops.archive.replaying import replay as folded_anew
from pulseops.cli.advance import counting
from pulseops.cli.database import Json, Position, in_database, print_structs
from pulseops.cli.render import say
from pulseops.cli.speak import REFUSED
from pulseops.cli.words import harmless
from pulseops.eventstore.directory import DEFAULT, find_log
from pulseops.wiring import CODEC, REFOLDS

_LONG = 86_400.0
"""Seconds that a command may take: the comparison of a long history is one."""


def replay(
    *,
    up_to: Position | None = None,
    log: str = DEFAULT,
    keep: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> None:
    """Fold history anew and compare it with what everybody reads, row by row. Exits with 1 where they differ.

    The rows are made by other means than the live ones, which are read only, while all work goes on. A digest
    of each read model is the same wherever the same history is replayed up to the same position. In the
    database of PULSEOPS_DATABASE_URL, else of the local `up`.

    Parameters
    ----------
    up_to
        Only events up to this position; else as far as the live read models are.
    log
        The log to replay, by its name (see `pulseops logs`).
    keep
        Keep the replayed rows, as tables in the schema replay, until the next replay.
    json
        Print what was found as JSON.
    """

    async def work(pool: asyncpg.Pool) -> Replayed:
        log_id = await find_log(pool, log)
        with counting() as bar:
            task = bar.add_task("events", total=None)
            return await folded_anew(
                pool,
                REFOLDS,
                CODEC,
                log_id=log_id,
                up_to=up_to,
                keep=keep,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )

    found = in_database(work, size=2, command_seconds=_LONG)
    if json:
        print_structs(found)
    else:
        say(_shown(found))
        for one in found.models:
            say(f"{one.digest}  {one.relation}")
        for sentence in _told(found):
            say(harmless(sentence), stderr=not found.same)
        if keep:
            say("The replayed rows are kept in the schema replay until the next replay.")
    if not found.same:
        raise SystemExit(REFUSED)


def _shown(found: Replayed) -> Table:
    rows = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("READ MODEL", "ROWS", "COMPARED", "DIFFER", "NEWER", "WAITING"):
        rows.add_column(heading, justify="left" if heading == "READ MODEL" else "right")
    for one in found.models:
        counts = (one.rows, one.compared, one.differing, one.newer, one.left_out)
        style = "bold red" if one.differing else ""
        rows.add_row(one.relation, *(f"{count:,}" for count in counts), style=style)
    return rows


def _told(found: Replayed) -> list[str]:
    behind = f"; {found.head - found.up_to:,} came after that" * (found.head > found.up_to)
    if found.same:
        return [f"The {found.up_to:,} events up to position {found.up_to} say what everybody reads{behind}."]
    told = [_differing(one) for one in found.models if one.differing]
    if found.stray:
        told.append(
            f"{found.stray:,} events are of streams that begin with something else: none such is written."
        )
    if found.unfolded:
        told.append(
            f"{found.unfolded:,} streams cannot be folded, and do not wait. The first: {found.first_unfolded}"
        )
    return told


def _differing(one: Compared) -> str:
    rows = "1 row" if one.differing == 1 else f"{one.differing:,} rows"
    return f"{one.relation} is not what history says in {rows}. The first: {one.first}"
