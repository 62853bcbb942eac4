"""HTTP load: what is sent, and who sends it. wrk where it is installed, our own client otherwise."""

import shutil
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from pulseops.up.home import write_private
from tests.benchmarks import client, cpu, open_loop, reports, wrk
from tests.benchmarks.apart import apart
from tests.benchmarks.apis import Api
from tests.benchmarks.bench import Reading
from tests.benchmarks.ground import Database
from tests.benchmarks.stage import Stage

_WARMING = 0.5
_MOST_CONNECTIONS = 1_000
"""Of the open loop. When all wait for an answer, requests wait for a connection, which counts."""


class Request(Struct, frozen=True):
    method: Literal["GET", "POST"]
    path: str
    body: bytes = b""

    def raw(self, api: Api) -> bytes:
        """As it goes over the wire, keep-alive."""
        head = [
            f"{self.method} {self.path} HTTP/1.1",
            f"host: 127.0.0.1:{api.port}",
            f"authorization: Bearer {api.token}",
        ]
        if self.method == "POST":
            head += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join([*head, "", ""]).encode() + self.body


def driver() -> str:
    """Who will send: for the report."""
    return "wrk" if shutil.which("wrk") else "the suite's own client"


def posts(count: int = 200) -> list[Request]:
    """`POST /incident`, of some 325 bytes each."""
    return [Request("POST", "/incident", reports.body(number)) for number in range(count)]


async def closed(
    stage: Stage,
    api: Api,
    requests: Sequence[Request],
    *,
    connections: int,
    seconds: float,
    events: float = 1.0,
    durable: bool = True,
) -> Reading:
    """Each connection asks again as soon as it is answered. After a moment that is not counted.

    With `durable`, every answer waits for a commit that may be no other's.
    """
    given = client.Load(
        port=api.port, sheet=_written(stage, api, requests), connections=connections, seconds=_WARMING
    )
    send = wrk.closed if shutil.which("wrk") else _by_ourselves
    await send(given)
    before = cpu.spent(api.pids, api.postmaster)
    told = await send(replace(given, seconds=seconds))
    spent = cpu.spent(api.pids, api.postmaster) - before
    return Reading(
        operations=told.operations,
        seconds=told.seconds,
        events=events,
        app_cpu=spent.app,
        postgres_cpu=spent.postgres,
        waiting=connections if durable else None,
        more=told.more,
    )


async def _by_ourselves(given: client.Load) -> Reading:
    return await apart(client.closed, given)


async def opened(
    stage: Stage, api: Api, requests: Sequence[Request], *, rate: float, seconds: float, database: Database
) -> Reading:
    """At a fixed rate, whether or not the last were answered. `operations` are those that succeeded.

    `more` has the waiting times of these, how many were sent, shed (503 or 429 that says when to come again)
    and broken (anything else), and `lost`: how many incidents were acknowledged and are not in the log.
    """
    given = client.Load(
        port=api.port,
        sheet=_written(stage, api, requests),
        connections=_MOST_CONNECTIONS,
        seconds=seconds,
        rate=rate,
        url=database.url,
    )
    before = cpu.spent(api.pids, api.postmaster)
    told = await apart(open_loop.opened, given)
    spent = cpu.spent(api.pids, api.postmaster) - before
    return replace(told, app_cpu=spent.app, postgres_cpu=spent.postgres)


def _written(stage: Stage, api: Api, requests: Sequence[Request]) -> str:
    """The requests as a file of ours alone: they carry a key."""
    sheet = stage.ground.home.path / f"requests-{api.port}"
    write_private(sheet, client.packed([one.raw(api) for one in requests]))
    return str(sheet)
