"""Incidents that wait for an answer, and a clock that is moved rather than waited for."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from pulseops.db.clock import DatabaseClock
from pulseops.db.pools import open_pool
from pulseops.escalation.rules import EscalationRules, Policy, Step
from pulseops.escalation.sweep import Store, Swept, sweep
from pulseops.escalation.timers import deadlines
from pulseops.eventstore.codec import Codec
from pulseops.eventstore.gateway import Gateway
from pulseops.eventstore.history import LogHistory
from pulseops.eventstore.store import EventStore
from pulseops.incidents.commands import Acknowledge, Assign, Classify, Command, Create, Resolve
from pulseops.incidents.decider import INCIDENT
from pulseops.incidents.events import FACTS, Assigned, Classified, Created, Decision, Priority
from pulseops.incidents.incident import Incident
from pulseops.incidents.selector import Selector
from pulseops.kernel.decider import Reactor
from pulseops.kernel.envelope import Context, Recorded
from pulseops.kernel.ids import new_id
from pulseops.subscriptions.slices import Slice

MINUTE = timedelta(minutes=1)
_DECISION = Decision(decided_by="test", rule="test", rules_version="test", why="It is a test.")

RULES = EscalationRules(
    version="rules-1",
    policies=(
        Policy(
            name="critical",
            when=Selector(priority=("critical",)),
            steps=tuple(Step(after=5 * MINUTE, to=to) for to in ("secondary of {team}", "lead", "director")),
        ),
        Policy(
            name="high",
            when=Selector(priority=("high",)),
            steps=(Step(after=15 * MINUTE, to="secondary of {team}"), Step(after=15 * MINUTE, to="lead")),
        ),
    ),
)

WHOLE = EscalationRules(
    version="whole-1",
    policies=(
        Policy(
            name="databases",
            when=Selector(category=("database",)),
            steps=(Step(after=MINUTE, to="{team}"),),
            unacknowledge_after=10 * MINUTE,
        ),
        Policy(
            name="critical",
            when=Selector(priority=("critical",)),
            steps=(Step(after=5 * MINUTE, to="secondary of {team}"), Step(after=2 * MINUTE, to="lead")),
            repeat=1,
            unacknowledge_after=20 * MINUTE,
            resolve_after=60 * MINUTE,
        ),
        Policy(
            name="high",
            when=Selector(priority=("high",)),
            steps=(Step(after=15 * MINUTE, to="lead of {team}"),),
            unacknowledge_after=30 * MINUTE,
        ),
    ),
)
"""With whatever the clock may bring about."""


def _classify(recorded: Recorded[Any], _incident: Incident) -> Sequence[Command]:
    if not isinstance(recorded.fact, Created):
        return ()
    return (
        Classify(
            priority=recorded.fact.priority or "medium",
            category="network",
            priority_decision=_DECISION,
            category_decision=_DECISION,
        ),
    )


def _assign(recorded: Recorded[Any], _incident: Incident) -> Sequence[Command]:
    return (Assign(team="core", decision=_DECISION),) if isinstance(recorded.fact, Classified) else ()


REACTORS = (Reactor(name="classification", react=_classify), Reactor(name="assignment", react=_assign))


class MovedClock:
    """The database's clock, so much later."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._clock, self._ahead = DatabaseClock(pool), timedelta()

    async def now(self) -> datetime:
        return await self._clock.now() + self._ahead

    def forward(self, by: timedelta) -> None:
        self._ahead += by


class Duty:
    """One process's parts, without a worker: it reports, answers, catches up and sweeps when told to."""

    def __init__(self, pool: asyncpg.Pool, gateway: Gateway, log_id: int = 1) -> None:
        self.log_id = log_id
        self.pool, self.gateway, self.codec = pool, gateway, Codec(FACTS)
        self.clock = MovedClock(pool)
        self.history = LogHistory(pool, self.codec, log_id=log_id)
        self.store: Store = EventStore(
            INCIDENT, appender=gateway, history=self.history, reactors=REACTORS, log_id=log_id
        )
        self.projector = deadlines(RULES)
        self._reached = 0

    async def report(self, priority: Priority = "critical") -> UUID:
        incident = new_id()
        command = Create(title="Nobody answers", service="billing", priority=priority)
        await self.store.execute(incident, command, await self.context(), expected_version=0)
        return incident

    async def acknowledge(self, incident: UUID) -> None:
        await self.store.execute(incident, Acknowledge(), await self.context())

    async def resolve(self, incident: UUID) -> None:
        await self.store.execute(incident, Resolve(), await self.context())

    async def ask(self, incident: UUID, command: Command) -> None:
        await self.store.execute(incident, command, await self.context())

    async def context(self) -> Context:
        return Context(
            actor="key:tester", now=await self.clock.now(), command_id=new_id(), correlation_id=new_id()
        )

    async def project(self, after: int | None = None, up_to: int | None = None) -> None:
        """Lead the deadlines on to the head, or through a range again; none is ever passed over."""
        start = self._reached if after is None else min(after, self._reached)
        end = await self.history.head() if up_to is None else up_to
        async with self.pool.acquire() as connection, connection.transaction():
            await self.projector.project(connection, Slice(log_id=self.log_id, after=start, up_to=end))
        self._reached = max(self._reached, end)

    async def sweep(self, limit: int = 500) -> Swept:
        return await sweep(self.pool, self.store, self.codec, now=await self.clock.now(), limit=limit)

    async def types(self, incident: UUID) -> list[str]:
        return [one.fact.type for one in await self.history.stream(incident)]

    async def deadlines(self) -> dict[UUID, tuple[int, datetime]]:
        """Of escalations."""
        every = await self.all_deadlines()
        return {incident: due for (incident, kind), due in every.items() if kind == "escalation"}

    async def all_deadlines(self) -> dict[tuple[UUID, str], tuple[int, datetime]]:
        rows = await self.pool.fetch(
            "SELECT incident_id, kind, step, due_at FROM escalation.deadline WHERE log_id = $1", self.log_id
        )
        return {(row["incident_id"], row["kind"]): (row["step"], row["due_at"]) for row in rows}

    async def assigned_at(self, incident: UUID) -> datetime:
        history = await self.history.stream(incident)
        return next(one.recorded_at for one in history if isinstance(one.fact, Assigned))


@asynccontextmanager
async def on_duty(url: str, *, size: int = 4, log_id: int = 1) -> AsyncIterator[Duty]:
    pool = await open_pool(url, size=size)
    gateway = Gateway(url, log_id=log_id)
    await gateway.start()
    try:
        yield Duty(pool, gateway, log_id)
    finally:
        await gateway.stop()
        await pool.close()
