"""Redis, which carries no data: whatever becomes of it, everything happens, at most a little later."""

import os
import signal

import redis

from pulseops.up.redis import EmbeddedRedis
from tests.faults.fault import Fault, Scene, for_a_while


def server(scene: Scene) -> EmbeddedRedis:
    assert scene.stack.site.redis is not None
    return scene.stack.site.redis


def flushed(scene: Scene) -> None:
    with redis.Redis.from_url(server(scene).url) as client:
        for _ in range(10):
            client.flushall()
            for_a_while(scene, 3)


def killed(scene: Scene) -> None:
    server(scene).stop(hurry=True)
    server(scene).start()


def gone(scene: Scene) -> None:
    """Long enough to have done without it: incidents are escalated meanwhile."""
    server(scene).stop(hurry=True)
    try:
        for_a_while(scene, 20)
        scene.stack.await_escalations(5)
    finally:
        server(scene).start()


def slow(scene: Scene) -> None:
    """Connections stay open, and nobody answers: a report must not wait for it."""
    os.kill(server(scene).pid, signal.SIGSTOP)
    try:
        for_a_while(scene, 40)
        scene.stack.await_escalations(5)
    finally:
        os.kill(server(scene).pid, signal.SIGCONT)


def full(scene: Scene) -> None:
    """It refuses every write, then throws away what it likes."""
    with redis.Redis.from_url(server(scene).url) as client:
        before = client.config_get("maxmemory*")
        try:
            for policy in ("noeviction", "allkeys-lru"):
                client.config_set("maxmemory-policy", policy)
                client.config_set("maxmemory", 1)
                for_a_while(scene, 20)
            scene.stack.await_escalations(5)
        finally:
            client.config_set("maxmemory", before["maxmemory"])
            client.config_set("maxmemory-policy", before["maxmemory-policy"])


DOORBELLS = (
    Fault(name="Redis flushed", strike=flushed, needs="redis"),
    Fault(name="Redis killed", strike=killed, needs="redis"),
    Fault(name="Redis gone", strike=gone, needs="redis", quick=False),
    Fault(name="Redis frozen", strike=slow, needs="redis"),
    Fault(name="Redis out of memory", strike=full, needs="redis"),
)
