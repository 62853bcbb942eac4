"""PostgreSQL gone while serving: everybody is told so, and nobody needs a restart when it is back."""

import time

import httpx

from pulseops.up.processes import wait_until
from tests.acceptance.kills.history import History, Order
from tests.acceptance.kills.load import told
from tests.acceptance.kills.programs import status
from tests.acceptance.kills.stack import Stack

SOON = 5.0
"""Seconds after PostgreSQL accepts connections, in which every API must write again."""


def report(server: httpx.Client, history: History, key: str) -> httpx.Response:
    asked = {"title": "Is anybody there?", "labels": {"order": key}}
    order = next((one for one in history.orders if one.key == key), None)
    if order is None:
        order = Order(kind="create", key=key, asked=asked)
        history.orders.append(order)
    response = server.post("/incident", json=asked, headers={"idempotency-key": key})
    order.answers.extend(told(response, 1))
    return response


def test_without_postgres_everybody_is_told_so_and_all_recovers_by_itself(stack: Stack) -> None:
    processes = [program.pid for program in (*stack.apis, *stack.workers)]
    servers = [stack.client(url) for url in stack.urls]
    with stack.pressure("outage") as load:
        load.await_acknowledged(40)
        stack.kill_postgres()
        load.await_refused(40)
        known = load.known()
        for number, server in enumerate(servers):
            for path in (f"/incident/{known}", "/incidents", "/escalations"):
                answer = server.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
                assert int(answer.headers["retry-after"]) > 0
            written = report(server, stack.history, f"during-{number}-{stack.crashes}")
            assert written.status_code in {503, 504}
            assert int(written.headers["retry-after"]) > 0
            assert status(f"{stack.urls[number]}/health/live") == 200
            assert status(f"{stack.urls[number]}/health/ready") == 503
        stack.postgres.start()
        begun = time.monotonic()
        for number, server in enumerate(servers):

            def works(server: httpx.Client = server, key: str = f"after-{number}-{stack.crashes}") -> bool:
                return report(server, stack.history, key).status_code == 201

            assert wait_until(works, SOON)
        assert time.monotonic() - begun < SOON
        load.await_acknowledged(40)
    for server in servers:
        server.close()
    stack.prove()
    assert [program.pid for program in (*stack.apis, *stack.workers)] == processes
    assert all(program.ended() is None for program in (*stack.apis, *stack.workers))
