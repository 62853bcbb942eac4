"""Processes that are killed, and some that are frozen and go on as if no time had passed."""

import signal

from tests.faults.fault import Fault, Scene, for_a_while


def an_api(scene: Scene) -> None:
    scene.stack.restart(scene.random.choice(scene.stack.apis))


def both_apis(scene: Scene) -> None:
    scene.stack.restart(*scene.stack.apis)


def a_worker(scene: Scene) -> None:
    scene.stack.restart(scene.random.choice(scene.stack.workers))


def all_workers(scene: Scene) -> None:
    scene.stack.restart(*scene.stack.workers)


def a_zombie(scene: Scene) -> None:
    """The leader is frozen until others lead, is killed in the log's eyes, and then goes on."""
    scene.stack.await_workers()
    frozen = scene.stack.leader()
    frozen.freeze()
    try:
        scene.stack.await_leaders_other_than(frozen)
    finally:
        frozen.thaw()
    for_a_while(scene, 10)


def a_frozen_api(scene: Scene) -> None:
    frozen = scene.random.choice(scene.stack.apis)
    frozen.freeze()
    try:
        scene.load.pause(scene.random.uniform(1.0, 3.0))
    finally:
        frozen.thaw()


def the_postmaster(scene: Scene) -> None:
    scene.stack.site.crash(backends=False)


def all_of_postgres(scene: Scene) -> None:
    scene.stack.site.crash()


def at_once(scene: Scene) -> None:
    """`pg_ctl stop -m immediate`."""
    scene.stack.site.crash(backends=False, by=signal.SIGQUIT)


def a_backend(scene: Scene) -> None:
    scene.stack.kill_writer()
    scene.stack.site.revive_postgres()


def postgres_frozen(scene: Scene) -> None:
    """Until somebody was told that nobody knows."""
    scene.stack.site.freeze_postgres()
    try:
        scene.load.await_doubtful(1)
    finally:
        scene.stack.site.thaw_postgres()


def two_more_schedulers(scene: Scene) -> None:
    """Four workers, of which each is killed once."""
    with scene.stack.more_workers(2):
        scene.stack.await_workers()
        workers = list(scene.stack.workers)
        for doomed in scene.random.sample(workers, len(workers)):
            for_a_while(scene, 10)
            scene.stack.restart(doomed)


PROCESSES = (
    Fault(name="an API killed", strike=an_api, quick=False),
    Fault(name="both APIs killed", strike=both_apis),
    Fault(name="an API frozen", strike=a_frozen_api, quick=False),
    Fault(name="a worker killed", strike=a_worker, quick=False),
    Fault(name="both workers killed", strike=all_workers),
    Fault(name="a worker frozen past its lease", strike=a_zombie),
    Fault(name="four workers, each killed", strike=two_more_schedulers, quick=False),
    Fault(name="the postmaster killed", strike=the_postmaster),
    Fault(name="all of PostgreSQL killed", strike=all_of_postgres),
    Fault(name="PostgreSQL stopped at once", strike=at_once, quick=False),
    Fault(name="a backend killed", strike=a_backend),
    Fault(name="PostgreSQL frozen", strike=postgres_frozen, quick=False),
)
