"""PostgreSQL silent, then gone, while serving: all are told so, and nobody needs a restart afterwards."""

import time

from pulseops.up.processes import wait_until
from tests.faults.programs import status
from tests.faults.reporter import Reporter
from tests.faults.stack import Stack
from tests.faults.verdict import prove

FORGOTTEN = 1.1
"""Seconds without PostgreSQL after which an API knows no keys any more."""
SOON = 5.0
"""Seconds after PostgreSQL accepts connections, in which every API must write again."""


def test_without_postgres_all_are_told_so_and_all_recovers_by_itself(stack: Stack) -> None:
    programs = [*stack.apis, *stack.workers]
    processes = [program.pid for program in programs]
    reporters = [
        Reporter(stack.client(url), stack.history, f"outage-{url[-5:]}-{stack.site.crashes}")
        for url in stack.urls
    ]
    with stack.pressure(f"outage-{stack.site.crashes}") as load:
        load.await_acknowledged(40)
        stack.site.freeze_postgres()
        load.await_doubtful(1)
        stack.site.thaw_postgres()
        load.await_acknowledged(40)

        stack.site.kill_postgres()
        killed = time.monotonic()
        assert wait_until(lambda: time.monotonic() - killed > FORGOTTEN, 2 * FORGOTTEN)
        for reporter, url in zip(reporters, stack.urls, strict=True):
            looks = [
                reporter.server.get(path)
                for path in (f"/incident/{load.known()}", "/incidents", "/escalations")
            ]
            for answer in (*looks, reporter.ask()):
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.url
                assert answer.headers["content-type"] == "application/problem+json"
                assert int(answer.headers["retry-after"]) > 0
            assert status(f"{url}/health/live") == 200
            assert status(f"{url}/health/ready") == 503
        stack.site.postgres.start()
        begun = time.monotonic()
        assert all(wait_until(reporter.succeeds, SOON) for reporter in reporters)
        assert time.monotonic() - begun < SOON
        load.await_acknowledged(40)
    for reporter in reporters:
        reporter.server.close()
    prove(stack)
    assert [program.pid for program in programs] == processes
    assert all(program.ended() is None for program in programs)
