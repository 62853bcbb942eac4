"""HTTP load: what is sent, and who sends it. wrk where it is installed, our own client otherwise."""

import shutil
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from pulseops.up.home import write_private
from tests.benchmarks import client, cpu, wrk
from tests.benchmarks.apart import apart
from tests.benchmarks.apis import Api
from tests.benchmarks.bench import Reading
from tests.benchmarks.stage import Stage

_WARMING = 0.5
_WORDS = ("Disk full on db-3", "Checkout answers 502", "Replica lags by minutes", "Login loops for everybody")
_SERVICES = ("checkout", "database", "auth", "search", "payments")


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


def reports(count: int = 200) -> list[Request]:
    """`POST /incident` as monitoring writes them: some 325 bytes, all a little different."""
    return [Request("POST", "/incident", report(number)) for number in range(count)]


def report(number: int) -> bytes:
    """The body of one report."""
    service, title = _SERVICES[number % len(_SERVICES)], _WORDS[number % len(_WORDS)]
    return (
        f'{{"title":"{title} ({number})","description":"{"Seen from outside by the probe. " * 5}",'
        f'"source":"prometheus","service":"{service}","environment":"production",'
        f'"labels":{{"region":"eu-{number % 4}","probe":"p{number}"}}}}'
    ).encode()


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
    sheet = stage.ground.home.path / f"requests-{api.port}"
    write_private(sheet, client.packed([one.raw(api) for one in requests]))
    given = client.Load(
        port=api.port,
        sheet=str(sheet),
        connections=connections,
        seconds=_WARMING,
        pids=api.pids,
        postmaster=api.postmaster,
    )
    send = wrk.closed if shutil.which("wrk") else _by_ourselves
    await send(given)
    before = cpu.spent(api.pids, api.postmaster)
    told = await send(client.longer(given, seconds))
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
