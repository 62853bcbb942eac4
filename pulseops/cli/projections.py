"""`pulseops projections …`: read models made anew from history while the old ones serve."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any

import asyncpg
from cyclopts import App, Parameter
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from pulseops.access.recording import By, local
from pulseops.cli.advance import advancing
from pulseops.cli.database import Json, in_database, print_structs
from pulseops.cli.render import say
from pulseops.cli.words import age, harmless
from pulseops.kernel.clock import utc_now
from pulseops.kernel.durations import span
from pulseops.operations import acting
from pulseops.projections.generations import Generation, generations
from pulseops.projections.rebuild import Rebuilt
from pulseops.wiring import READ_MODELS

_MODELS = {model.name: model for model in READ_MODELS}
_LONG = 86_400.0
"""Seconds that a command may take: an index over a long history is one."""
_MIB = 1 << 20
_MOST = 32_767
_LANES = 2
"""Connections that fill a read model side by side; one more keeps the order."""

projections = App(
    name="projections",
    help="""Rebuild read models from history while the old ones serve.

    In the database of PULSEOPS_DATABASE_URL, else of the local `up`. A read model's tables have generations:
    one is live, and is what everybody reads. A rebuild fills the next, compares both, switches, and keeps the
    old one until it is dropped.
    """,
)


class Dropped(Struct, frozen=True):
    """What was dropped, as `--json` tells of it."""

    name: str
    generation: int


def _known(_: Any, names: tuple[str, ...] | str) -> None:
    for name in (names,) if isinstance(names, str) else names:
        if name not in _MODELS:
            raise ValueError(f"there is no read model {name!r}: there are {', '.join(_MODELS)}")


def _counted(_: Any, number: int) -> None:
    if not 1 <= number <= _MOST:
        raise ValueError(f"generations are counted from 1 to {_MOST}")


@projections.command(name="rebuild")
def rebuild_models(
    *names: Annotated[str, Parameter(name="NAME", validator=_known)],
    accept: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> None:
    """Fill a new generation of each read model NAME, compare it with the live one, and switch to it.

    Interrupted, the same command goes on where it was. Where the two differ nothing is switched, and the exit
    code is 1.

    Parameters
    ----------
    accept
        Switch without comparing: the new generation is right, whatever the live one says.
    json
        Print what was rebuilt as JSON.
    """
    models = [_MODELS[name] for name in dict.fromkeys(names)]
    if not models:
        projections.help_print(["rebuild"])
        return
    begun = utc_now()

    async def work(pool: asyncpg.Pool) -> list[Rebuilt]:
        with advancing() as tells:
            each = (
                acting.rebuild(pool, _me(), model, tell=tells(model.name), width=_LANES, accept=accept)
                for model in models
            )
            # One that fails leaves the others to their end.
            ended = await asyncio.gather(*each, return_exceptions=True)
        done = []
        for one in ended:
            if isinstance(one, BaseException):
                raise one
            done.append(one)
        return done

    done = in_database(work, size=len(models) * (_LANES + 1), command_seconds=_LONG)
    if json:
        print_structs(done)
        return
    for one in done:
        say(_told(one, utc_now() - begun))


def _told(one: Rebuilt, took: timedelta) -> Text:
    compared = "not compared" if one.compared is None else f"{one.compared} rows, the same as before"
    return Text(
        f"{one.name} is generation {one.generation} now: {one.events} events in {span(took)}, {compared}. "
        "The old one is kept until you drop it: pulseops projections list"
    )


@projections.command(name="list")
def list_all(*, json: Json = False) -> None:
    """List the generations: which is live, how many rows and events are in each, and how large it is.

    Parameters
    ----------
    json
        Print them as JSON.
    """

    async def read(pool: asyncpg.Pool) -> tuple[Generation, ...]:
        return await generations(pool)

    found = in_database(read)
    if json:
        print_structs(found)
        return
    rows = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("NAME", "GENERATION", "STATE", "SINCE", "ROWS", "EVENTS", "SIZE"):
        rows.add_column(heading, justify="left" if heading in {"NAME", "STATE"} else "right")
    for one in found:
        rows.add_row(
            Text(harmless(one.name)),
            str(one.generation),
            Text(one.state, style="bold" if one.state == "live" else ""),
            age(one.changed_at, utc_now()),
            f"~{one.rows}",
            "" if one.events is None else str(one.events),
            f"{one.bytes / _MIB:.1f} MiB",
        )
    say(rows)


@projections.command
def drop(
    name: Annotated[str, Parameter(validator=_known)],
    generation: Annotated[int, Parameter(validator=_counted)],
    /,
    *,
    json: Json = False,
) -> None:
    """Drop a generation that is not live, with its tables: a retired one, or a rebuild that you give up.

    Parameters
    ----------
    json
        Print what was dropped as JSON.
    """

    in_database(lambda pool: acting.drop(pool, _me(), name, generation))
    if json:
        print_structs(Dropped(name=name, generation=generation))
    else:
        say(f"Dropped generation {generation} of {name}.")


def _me() -> By:
    return local("cli", now=utc_now())
