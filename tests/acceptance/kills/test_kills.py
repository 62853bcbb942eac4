"""Faults under load: what was acknowledged stays, nothing happens twice, and all goes on by itself.

The long run of all of them is `python -m tests.faults`; docs/reliability.md says how to read it.
"""

import json
import logging
from random import Random

import pytest

from tests.faults.catalogue import FAMILIES
from tests.faults.fault import Scene
from tests.faults.questions import HEAD, RUN_OUT
from tests.faults.stack import Stack
from tests.faults.verdict import prove

SEED = 273
BETWEEN = 25
"""Orders acknowledged before each fault."""
GROUPS = {
    "programs": ("processes", "stops"),
    "surroundings": ("networks", "sessions", "doorbells"),
    "disks": ("storage",),
}
"""Families that share one load, and one calm after it."""
KINDS = {"ESCALATED", "ESCALATED again", "RESOLVED", "UNACKNOWLEDGED", "UNSNOOZED"}
"""Whatever runs out does so under each of these loads, once it was struck: not only in the calm after."""
_log = logging.getLogger(__name__)


@pytest.mark.parametrize("group", GROUPS)
def test_faults_lose_and_double_nothing(stack: Stack, group: str) -> None:
    endure(stack, group, quick=True)


@pytest.mark.long
@pytest.mark.parametrize("group", GROUPS)
def test_long_faults_lose_and_double_nothing(stack: Stack, group: str) -> None:
    endure(stack, group, quick=False)


def endure(stack: Stack, group: str, *, quick: bool) -> None:
    """In an order that the seed decides; what this machine cannot do is left out."""
    random = Random(SEED)
    members = [fault for family in GROUPS[group] for fault in FAMILIES[family] if fault.quick is quick]
    faults = [fault for fault in members if not fault.missing(stack)]
    if not faults:
        pytest.skip(members[0].missing(stack))
    random.shuffle(faults)
    with stack.pressure(f"{SEED}-{group}-{quick}", most=20_000, seconds=300.0) as load:
        scene = Scene(stack, load, random)
        load.await_acknowledged(BETWEEN)
        begun = stack.answer(HEAD)
        for fault in faults:
            stack.watch()
            fault.strike(scene)
            load.await_acknowledged(BETWEEN)
        stack.until(lambda: ran_out(stack, begun).keys() >= KINDS)
        _log.info("%s: between the first fault and the last order: %s", group, ran_out(stack, begun))
    prove(stack, ", ".join(fault.name for fault in faults))


def ran_out(stack: Stack, since: int) -> dict[str, int]:
    """What, and how often."""
    found: dict[str, int] = json.loads(stack.answer(RUN_OUT, since))
    return found
