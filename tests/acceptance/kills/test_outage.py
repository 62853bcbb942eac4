"""PostgreSQL silent, then gone, while serving: all are told so, and nobody needs a restart afterwards."""

import time

import httpx

from pulseops.up.processes import wait_until
from tests.acceptance.kills.history import History, Order
from tests.acceptance.kills.load import told
from tests.acceptance.kills.programs import status
from tests.acceptance.kills.stack import Stack

FORGOTTEN = 1.1
"""Seconds without PostgreSQL after which an API knows no keys any more."""
SOON = 5.0
"""Seconds after PostgreSQL accepts connections, in which every API must write again."""


class Reporter:
    """Asks one API again and again for the same incident."""

    def __init__(self, server: httpx.Client, history: History, key: str) -> None:
        self.server = server
        self._order = Order(
            kind="create", key=key, asked={"title": "Is anybody there?", "labels": {"order": key}}
        )
        history.orders.append(self._order)

    def ask(self) -> httpx.Response:
        headers = {"idempotency-key": self._order.key}
        response = self.server.post("/incident", json=self._order.asked, headers=headers)
        self._order.answers.extend(told(response, 1))
        return response

    def succeeds(self) -> bool:
        return self.ask().status_code == 201


def test_without_postgres_all_are_told_so_and_all_recovers_by_itself(stack: Stack) -> None:
    programs = [*stack.apis, *stack.workers]
    processes = [program.pid for program in programs]
    reporters = [
        Reporter(stack.client(url), stack.history, f"outage-{url[-5:]}-{stack.crashes}") for url in stack.urls
    ]
    with stack.pressure(f"outage-{stack.crashes}") as load:
        load.await_acknowledged(40)
        stack.freeze_postgres()
        load.await_doubtful(1)
        stack.thaw_postgres()
        load.await_acknowledged(40)

        stack.kill_postgres()
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
        stack.postgres.start()
        begun = time.monotonic()
        assert all(wait_until(reporter.succeeds, SOON) for reporter in reporters)
        assert time.monotonic() - begun < SOON
        load.await_acknowledged(40)
    for reporter in reporters:
        reporter.server.close()
    stack.prove()
    assert [program.pid for program in programs] == processes
    assert all(program.ended() is None for program in programs)
