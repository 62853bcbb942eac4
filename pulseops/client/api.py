"""The client: everything that a server offers, over a blocking wire or an awaited one."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from pulseops.client.administration import Audit, Keys, Users
from pulseops.client.call import Call, Id, Value, get, identity, parameters, together
from pulseops.client.catalog import Services, Teams
from pulseops.client.escalations import Escalations
from pulseops.client.history import History
from pulseops.client.incidents import Incidents
from pulseops.client.method import Room, W, method, streamed
from pulseops.client.proofs import Proofs
from pulseops.client.reading import reader
from pulseops.client.results import Health, WhoAmI
from pulseops.client.terms import Terms
from pulseops.client.wire import AsyncWire, Wire, options, proxied
from pulseops.incidents.entries import EventEntry

_PLAIN = Terms()
_AGENT = "pulseops-python"


class Api(Room[W]):
    """What both clients have."""

    def __init__(self, wire: W) -> None:
        super().__init__(wire)
        self.incidents: Incidents[W] = Incidents(wire)
        self.escalations: Escalations[W] = Escalations(wire)
        self.teams: Teams[W] = Teams(wire)
        self.services: Services[W] = Services(wire)
        self.keys: Keys[W] = Keys(wire)
        self.users: Users[W] = Users(wire)
        self.audit: Audit[W] = Audit(wire)
        self.proofs: Proofs[W] = Proofs(wire)
        self.history: History[W] = History(wire)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.wire.url!r})"

    @method
    def whoami(self) -> Call[WhoAmI]:
        """Who asks, and what it may do."""
        return get("/whoami", WhoAmI)

    @method
    def health(self) -> Call[Health]:
        """How the server is, also when it is not well. Needs no key."""
        return get("/health/ready", Health).answered(503)

    @streamed
    def stream(
        self,
        *,
        after: int | None = None,
        team: str | Sequence[str] | None = None,
        incident: Id | None = None,
        type: str | Sequence[str] | None = None,  # noqa: A002 -- the parameter's name
    ) -> Call[EventEntry]:
        """Every event that this key may see, in order, without end: those after a position, else from now on.

        A lost connection goes on where it broke off, with nothing missed and nothing doubled.
        """
        last = {} if after is None else {"Last-Event-ID": str(after)}
        wanted: dict[str, Value] = {
            "team": together(team),
            "incident": None if incident is None else identity(incident),
            "type": together(type),
        }
        return Call(
            method="GET",
            path="/stream",
            read=reader(EventEntry),
            query=parameters(wanted),
            headers={"Accept": "text/event-stream", **last},
        )


class PulseOps(Api[Wire]):
    """A server, for blocking calls. Use it in a `with`, or `close` it; threads may share it."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        terms: Terms = _PLAIN,
        agent: str = _AGENT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Raises Unusable for a URL, a key or a proxy that cannot be one."""
        told = options(url, key, agent)
        with proxied():
            http = httpx.Client(**told, transport=transport)
        super().__init__(Wire(http, url, terms))

    def under(self, terms: Terms) -> "Api[Wire]":
        """The same connections under other terms."""
        return Api(self.wire.under(terms))

    def close(self) -> None:
        self.wire.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncPulseOps(Api[AsyncWire]):
    """A server, for awaited calls. Use it in an `async with`, or await `close`."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        terms: Terms = _PLAIN,
        agent: str = _AGENT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises Unusable for a URL, a key or a proxy that cannot be one."""
        told = options(url, key, agent)
        with proxied():
            http = httpx.AsyncClient(**told, transport=transport)
        super().__init__(AsyncWire(http, url, terms))

    def under(self, terms: Terms) -> "Api[AsyncWire]":
        """The same connections under other terms."""
        return Api(self.wire.under(terms))

    async def close(self) -> None:
        await self.wire.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
