"""Faults under load: what was acknowledged stays, nothing happens twice, and all goes on by itself.

The long run of all of them is `python -m tests.faults`; docs/reliability.md says how to read it.
"""

from random import Random

import pytest

from tests.faults.catalogue import FAMILIES
from tests.faults.fault import Scene
from tests.faults.stack import Stack
from tests.faults.verdict import prove

SEED = 273
BETWEEN = 25
"""Orders acknowledged before each fault."""
ALL_QUICK = [name for name, family in FAMILIES.items() if any(fault.quick for fault in family)]


@pytest.mark.parametrize("family", ALL_QUICK)
def test_faults_lose_and_double_nothing(stack: Stack, family: str) -> None:
    endure(stack, family, quick=True)


@pytest.mark.long
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "clocks"])
def test_long_faults_lose_and_double_nothing(stack: Stack, family: str) -> None:
    endure(stack, family, quick=False)


def endure(stack: Stack, family: str, *, quick: bool) -> None:
    """In an order that the seed decides; what this machine cannot do is left out."""
    random = Random(SEED)
    faults = [fault for fault in FAMILIES[family] if fault.quick is quick and not fault.missing(stack)]
    if not faults:
        pytest.skip(FAMILIES[family][0].missing(stack))
    random.shuffle(faults)
    with stack.pressure(f"{family}-{quick}", most=20_000, seconds=120.0) as load:
        scene = Scene(stack, load, random)
        for fault in faults:
            load.await_acknowledged(BETWEEN)
            stack.watch()
            fault.strike(scene)
        load.await_acknowledged(BETWEEN)
    prove(stack, ", ".join(fault.name for fault in faults))
