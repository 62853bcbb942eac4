"""Clients that report, act and look, and that ask again under the same key when they do not know."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal
from uuid import UUID

import httpx
import msgspec

from pulseops.incidents.events import Priority
from pulseops.incidents.incident import Incident
from tests.faults.history import Answer, History, Kind, Order, Reading

PATIENCE = 20.0
"""Seconds that a client waits for an answer, and then fails: the server must have given up before."""
_AGAIN = 0.1
"""Seconds until a client tries again."""
_RECENT = 100
"""Answers go to one of so many of the newest incidents."""
_LOST = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout)
_WORDS = ("Disk full", "Checkout fails", "Replica lags", "DNS does not answer", "Login loops")
_PRIORITIES: tuple[Priority | None, ...] = ("critical", "critical", "high", "medium", "low", None, None)
_RESPONDERS = ("ada", "grace", "edsger")
_SNOOZE = timedelta(seconds=1)
_LIKELY: Mapping[Kind | Literal["many", "again", "look"], int] = {
    "create": 20,
    "many": 5,
    "acknowledge": 19,
    "unacknowledge": 3,
    "snooze": 8,
    "unsnooze": 3,
    "assign": 6,
    "escalate": 3,
    "priority": 3,
    "comment": 3,
    "resolve": 7,
    "reopen": 4,
    "again": 6,
    "look": 10,
}
"""In a hundred; `again` sends what was sent before."""
_FITS: Mapping[str, Callable[[Incident], bool]] = {
    "unacknowledge": lambda incident: incident.status == "acknowledged",
    "unsnooze": lambda incident: incident.snoozed_until is not None,
    "reopen": lambda incident: incident.status == "resolved",
}
"""What would change nothing is asked seldom: only where no incident that anybody knows of is right for it."""

Send = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


class World:
    """What the clients share: the history, and the newest of each incident that anybody was told."""

    def __init__(self, history: History, *, urgent: bool = True) -> None:
        self.history, self.urgent = history, urgent
        self.incidents: dict[UUID, Incident] = {}
        self.acknowledged = self.refused = self.doubtful = self.tries = 0

    def note(self, order: Order, answer: Answer) -> None:
        order.answers.append(answer)
        self.tries += 1
        if answer.incident is None:
            self.doubtful += answer.status == 504
            self.refused += answer.status == 503
            return
        self.acknowledged += 1
        told = answer.incident
        known = self.incidents.get(told.id)
        if known is None or known.version < told.version:
            self.incidents[told.id] = told

    def right_for(self, what: str) -> list[UUID]:
        """Those of the newest incidents that it makes sense for; all of them where it does for none."""
        recent = [*islice(reversed(self.incidents.values()), _RECENT)]
        fits = _FITS.get(what)
        right = [one for one in recent if fits(one)] if fits else recent
        return [one.id for one in right or recent]


class Client:
    """One of many, and what it does is decided by its `random`. Talks to any of `servers`.

    One that only `reports` stores something at any moment: what is decided on is read before.
    """

    def __init__(
        self,
        name: str,
        servers: Sequence[httpx.AsyncClient],
        world: World,
        late: Callable[[], bool],
        *,
        reports: bool = False,
    ) -> None:
        self._name, self._servers, self._world, self._late = name, servers, world, late
        self._reports = reports
        self._random = random.Random(name)
        self._number = 0
        self._mine: list[Order] = []

    async def act(self) -> None:
        """One order, or one look, until its outcome is known or is not asked for any more."""
        [what] = self._random.choices([*_LIKELY], [*_LIKELY.values()])
        if what == "many":
            await self.report_many()
        elif what == "create" or self._reports or not (known := self._world.right_for(what)):
            await self.report()
        elif what == "look":
            await self.look(self._random.choice(known))
        elif what == "again":
            if self._mine:
                await self.carry_out([again := self._random.choice(self._mine)], self._sending(again))
        else:
            await self.answer(what, self._random.choice(known))

    async def report(self) -> None:
        await self._give(self._creation(self._key()))

    async def report_many(self) -> None:
        key = self._key()
        orders = [self._creation(f"{key} {index}") for index in range(self._random.randint(2, 5))]
        self._world.history.orders.extend(orders)
        body = [order.asked for order in orders]
        await self.carry_out(
            orders,
            lambda server: server.post("/incidents:batch", json=body, headers={"idempotency-key": key}),
        )

    async def answer(self, kind: Kind, incident: UUID) -> None:
        await self._give(
            Order(kind=kind, key=(key := self._key()), asked=self._body(kind, key), incident=incident)
        )

    async def look(self, incident: UUID) -> None:
        least = self._world.incidents[incident].version
        try:
            response = await self._server().get(f"/incident/{incident}")
        except (*_LOST, *_UNSENT):
            return
        seen = msgspec.json.decode(response.content, type=Incident) if response.is_success else None
        self._world.history.readings.append(
            Reading(incident=incident, least=least, status=response.status_code, seen=seen)
        )

    async def _give(self, order: Order) -> None:
        self._world.history.orders.append(order)
        await self.carry_out([order], self._sending(order))
        self._mine = [*self._mine[-20:], order]

    async def carry_out(self, orders: Sequence[Order], send: Send) -> None:
        """Tries until every order has a certain answer; now and then a client loses interest before."""
        while True:
            try:
                response = await send(self._server())
            except _UNSENT:
                answers = []
            except _LOST:
                answers = [Answer() for _ in orders]
            else:
                answers = told(response, len(orders))
            for order, answer in zip(orders, answers, strict=False):
                self._world.note(order, answer)
            if self._late() or (answers and self._random.random() >= self._interest(answers)):
                return
            await asyncio.sleep(_AGAIN)

    def _interest(self, answers: Sequence[Answer]) -> float:
        """How likely it is that somebody who was told this asks again."""
        if any(answer.verdict == "unknown" for answer in answers):
            return 0.9
        return 0.7 if any(answer.status == 503 for answer in answers) else 0.0

    def _sending(self, order: Order) -> Send:
        path = "/incidents" if order.incident is None else f"/incident/{order.incident}/{order.kind}"
        headers = {"idempotency-key": order.key}
        return lambda server: server.post(path, json=order.asked, headers=headers)

    def _server(self) -> httpx.AsyncClient:
        return self._random.choice(self._servers)

    def _key(self) -> str:
        self._number += 1
        return f"{self._name}-{self._number}"

    def _body(self, kind: Kind, key: str) -> dict[str, Any]:
        if kind == "comment":
            return {"text": key}
        more: dict[str, Any] = {}
        if kind == "snooze":
            more["until"] = (datetime.now(UTC) + _SNOOZE).isoformat()
        elif kind == "assign":
            more["responder"] = self._random.choice(_RESPONDERS)
        elif kind == "priority":
            more["priority"] = self._priority() or "low"
        return {"note": key, **more}

    def _priority(self) -> Priority | None:
        found = self._random.choice(_PRIORITIES)
        return found if self._world.urgent or found is None else "low"

    def _creation(self, key: str) -> Order:
        asked: dict[str, Any] = {"title": self._random.choice(_WORDS), "labels": {"order": key}}
        if priority := self._priority():
            asked["priority"] = priority
        if self._random.random() < 0.3:
            asked["description"] = "As seen from outside. " * self._random.randint(1, 40)
        return Order(kind="create", key=key, asked=asked)


def told(response: httpx.Response, orders: int) -> list[Answer]:
    """An answer for each order of the request."""
    retry_after = int(response.headers.get("retry-after", "0")) > 0
    if not response.is_success:
        return [Answer(status=response.status_code, retry_after=retry_after)] * orders
    if not response.url.path.endswith(":batch"):
        return [
            Answer(
                status=response.status_code,
                incident=msgspec.json.decode(response.content, type=Incident),
                replayed="idempotency-replayed" in response.headers,
            )
        ]
    items = response.json()["items"]
    return [
        Answer(
            status=item["status"],
            incident=msgspec.convert(item["incident"], Incident) if "incident" in item else None,
            replayed=item.get("replayed", False),
            retry_after=True,
        )
        for item in items
    ]
