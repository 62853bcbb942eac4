"""Bugs that are planted on purpose, each under the fault that shows it: the harness must find them all."""

import asyncio
from typing import Literal

import asyncpg
from msgspec import Struct

from tests.conftest import on_ground
from tests.faults.campaign import BETWEEN, standing
from tests.faults.catalogue import FAULTS
from tests.faults.checker import Violation
from tests.faults.run import endure
from tests.faults.stack import Stack
from tests.faults.verdict import examine

_ROUNDS = 4
_CALM = 10.0
"""Seconds: where calm never comes, there is no use in waiting for it."""


class Control(Struct, frozen=True, kw_only=True):
    """`bug` is one of `tests.faults.planted`; `sql` is done to the database instead.

    `shows`: the promise that is seen to be broken, and how.
    """

    name: str
    fault: str
    shows: tuple[str, Literal["lost", "doubled", "wrong", "late"]]
    bug: str = ""
    sql: tuple[str, ...] = ()


class Finding(Struct, frozen=True):
    """`red` is None where the machine cannot do it."""

    red: bool | None
    told: str


_UNFLUSHED = (
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "SELECT pg_reload_conf()",
    """
    CREATE FUNCTION faults.hurry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
        RETURN NULL;
    END
    $$
    """,
    "CREATE TRIGGER hurry AFTER INSERT OR UPDATE ON eventstore.stream EXECUTE FUNCTION faults.hurry()",
)
_FORGETFUL = (
    "CREATE FUNCTION faults.forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER forget BEFORE INSERT ON eventstore.command FOR EACH ROW EXECUTE FUNCTION faults.forget()",
)
# Every version of the function is changed in place; that nothing was to change is an error.
_REWRITE = """
DO $$
DECLARE
    v_name text;
    v_old text;
    v_new text;
BEGIN
    FOR v_name, v_old IN
        SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.proname ~ '^{function}_v[0-9]+$'
    LOOP
        v_new := regexp_replace(v_old, '{pattern}', '{instead}', 'g');
        ASSERT v_new <> v_old, v_name || ' has nothing to rewrite';
        EXECUTE v_new;
    END LOOP;
    ASSERT v_name IS NOT NULL, 'there is no such function';
END
$$
"""
_EVERYBODY_FIRES = (
    *_FORGETFUL,
    _REWRITE.format(function="claim_due", pattern=r"FOR UPDATE SKIP LOCKED", instead=""),
    _REWRITE.format(
        function="append", pattern=r"r\.expected_version IS DISTINCT FROM r\.current_version", instead="false"
    ),
)

CONTROLS = (
    Control(
        name="commits that are not flushed",
        fault="power cut",
        shows=("I1", "lost"),
        sql=_UNFLUSHED,
    ),
    Control(
        name="acknowledged before the commit",
        fault="all of PostgreSQL killed",
        shows=("I1", "lost"),
        bug="acknowledge_before_the_commit",
    ),
    Control(
        name="commands that are not remembered",
        fault="an API at its commit, killed",
        shows=("I3", "doubled"),
        sql=_FORGETFUL,
    ),
    Control(
        name="deadlines that everybody fires, and no version that is expected",
        fault="the log locked for seconds",
        shows=("I6", "doubled"),
        sql=_EVERYBODY_FIRES,
    ),
    Control(
        name="errors that are swallowed",
        fault="statements cancelled",
        shows=("I7", "wrong"),
        bug="swallow_errors",
    ),
    Control(
        name="the checkpoint before the batch",
        fault="both workers killed",
        shows=("I7", "wrong"),
        bug="checkpoint_first",
    ),
    Control(
        name="signatures in no order",
        fault="a worker frozen past its lease",
        shows=("I9", "wrong"),
        bug="sign_in_no_order",
    ),
    Control(
        name="the checkpoint published before its tiles",
        fault="both workers killed",
        shows=("I9", "wrong"),
        bug="publish_the_checkpoint_first",
    ),
    Control(
        name="Redis as the only clock",
        fault="Redis gone",
        shows=("I11", "late"),
        bug="trust_redis",
    ),
)


def caught(control: Control, seed: int) -> Finding:
    """Whether the fault shows the bug."""
    fault = next(fault for fault in FAULTS if fault.name == control.fault)
    with on_ground() as ground, standing(ground, 1, clocks=False, planted=control.bug) as stack:
        if missing := fault.missing(stack):
            return Finding(None, missing)
        asyncio.run(_plant(stack, control.sql))
        try:
            outcome = endure(
                stack,
                fault,
                seed=f"{seed}-{control.name}",
                rounds=_ROUNDS,
                between=BETWEEN,
                calm_within=_CALM,
            )
        except (
            AssertionError
        ) as error:  # nobody recovers by himself; what else is broken is seen all the same
            stack.mend()
            late = Violation("I11", "late", str(error))
            violations = [late, *examine(stack, calm_within=_CALM)]
        else:
            violations = outcome.violations
    found = [one for one in violations if (one.promise, one.kind) == control.shows]
    shown = f"; the first: {found[0].told}" if found else ""
    return Finding(bool(found), f"{len(found)} violations of {control.shows[0]} under “{fault.name}”{shown}")


async def _plant(stack: Stack, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(stack.site.postgres.url(admin=True))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
