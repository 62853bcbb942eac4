"""kill -9 under load: what was acknowledged stays, nothing happens twice, and all goes on by itself.

The long run takes KILLS_MINUTES and begins with the seed KILLS_SEED.
"""

import os
import time

import pytest

from tests.acceptance.kills.nemesis import Nemesis
from tests.acceptance.kills.stack import Stack

SEED = 273


def test_killing_apis_loses_and_doubles_nothing(stack: Stack) -> None:
    first, second = stack.apis
    with stack.pressure("apis", urgent=False) as load:
        for doomed in ([first], [first, second]):
            load.await_acknowledged(60)
            stack.restart(*doomed)
            stack.await_apis()
        load.await_acknowledged(60)
    assert load.counts()["lost answers"] > 0
    stack.prove()


def test_killing_and_freezing_workers_skips_and_doubles_nothing(stack: Stack) -> None:
    with stack.pressure("workers") as load:
        load.await_acknowledged(50)
        frozen = stack.leader()
        other = next(worker for worker in stack.workers if worker is not frozen)
        frozen.freeze()
        stack.restart(other)
        stack.await_leaders_other_than(frozen)
        frozen.thaw()
        for _ in range(2):
            stack.await_escalations(20)
            stack.restart(frozen)
        load.await_acknowledged(50)
    stack.prove()


def test_killing_postgres_loses_and_doubles_nothing(stack: Stack) -> None:
    with stack.pressure("postgres") as load:
        for backends in (True, False):
            load.await_acknowledged(60)
            stack.crash(backends=backends)
        for _ in range(2):
            load.await_acknowledged(60)
            stack.kill_writer()
        load.await_acknowledged(60)
    stack.prove()


def test_killing_anything_at_any_time_loses_and_doubles_nothing(stack: Stack) -> None:
    kill_at_random(stack, SEED, "mixed")


@pytest.mark.long
def test_killing_anything_for_minutes_loses_and_doubles_nothing(stack: Stack) -> None:
    until = time.monotonic() + 60 * float(os.environ.get("KILLS_MINUTES", "4"))
    seed = int(os.environ.get("KILLS_SEED", "1"))
    while time.monotonic() < until:
        kill_at_random(stack, seed, f"long-{seed}", between=150)
        seed += 1


def kill_at_random(stack: Stack, seed: int, name: str, *, between: int = 30) -> None:
    """Each kind of fault once; a frozen worker goes on at the end, if it is not killed before."""
    nemesis = Nemesis(stack, seed)
    plan = nemesis.plan()
    with stack.pressure(name) as load:
        for fault in plan:
            load.await_acknowledged(between)
            stack.watch()
            nemesis.strike(fault)
        load.await_acknowledged(between)
        nemesis.release()
    stack.prove(f"seed {seed}: {', '.join(plan)}")
