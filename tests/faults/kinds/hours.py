"""Clocks that jump. PostgreSQL's never stays behind what the log has seen: see docs/reliability.md."""

from datetime import timedelta

from tests.faults.fault import Fault, Scene, for_a_while
from tests.faults.questions import NOW

_HOUR, _MONTH = timedelta(hours=1), timedelta(days=30)


def ahead(scene: Scene) -> None:
    """All is due at once, all leases are over; and that is how late it stays."""
    before = scene.stack.ask(NOW)
    scene.stack.clocks[0].jump(_MONTH)
    assert scene.stack.ask(NOW) > before + _MONTH, "PostgreSQL goes by another clock"
    for_a_while(scene, 20)


def back(scene: Scene) -> None:
    """For a moment an hour ago; then it is now again."""
    scene.stack.clocks[0].jump(-_HOUR)
    try:
        for_a_while(scene, 30)
    finally:
        scene.stack.clocks[0].jump(_HOUR)


def a_worker_wrong(scene: Scene) -> None:
    """The workers disagree by more than a lease, by hours, by a month."""
    clock = scene.stack.clocks[1]
    try:
        for offset in (timedelta(seconds=90), timedelta(seconds=-90), _HOUR, -_HOUR, _MONTH, -_MONTH):
            clock.set(offset)
            for_a_while(scene, 10)
        scene.stack.await_escalations(5)
    finally:
        clock.set(timedelta())


HOURS = (
    Fault(name="PostgreSQL's clock a month ahead", strike=ahead, needs="clocks", quick=False),
    Fault(name="PostgreSQL's clock an hour back", strike=back, needs="clocks", quick=False),
    Fault(name="a worker's clock wrong", strike=a_worker_wrong, needs="clocks", quick=False),
)
