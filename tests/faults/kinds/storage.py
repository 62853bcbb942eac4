"""The disks under PostgreSQL: without power, or full."""

from tests.faults.fault import Fault, Scene
from tests.faults.questions import SWITCH


def power_cut(scene: Scene) -> None:
    scene.stack.site.lose_power()


def data_full(scene: Scene) -> None:
    """Writes are refused, reads go on, and nobody needs a restart afterwards."""
    disk = scene.stack.site.data
    assert disk is not None
    disk.fill()
    try:
        scene.load.await_refused(10)
        for url in scene.stack.urls:
            with scene.stack.client(url) as client:
                assert client.get(f"/incident/{scene.load.known()}").status_code == 200
    finally:
        disk.empty()


def journal_full(scene: Scene) -> None:
    """PostgreSQL gives up, as it must, and comes back when there is room."""
    site = scene.stack.site
    assert site.journal is not None
    site.journal.fill()
    try:
        scene.stack.until_not(lambda: scene.stack.ask(SWITCH))
        scene.load.await_refused(10)
    finally:
        site.journal.empty()
        site.revive_postgres()


STORAGE = (
    Fault(name="power cut", strike=power_cut, needs="disks"),
    Fault(name="disk full: the data's", strike=data_full, needs="disks"),
    Fault(name="disk full: the journal's", strike=journal_full, needs="disks", quick=False),
)
