"""The same workflow as most services have it: an ORM session a request, its objects flushed in one commit.

    python -m tests.benchmarks.orm_service

Litestar with typed handlers, SQLAlchemy's async ORM over asyncpg, and our own rules for priority, category
and team. A report is stored as an incident and its three events. No key is checked, which is in its favour.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import uvicorn
from litestar import Litestar, get, post
from litestar.datastructures import State
from msgspec import Struct
from sqlalchemy import DateTime, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from pulseops.incidents.commands import Create
from pulseops.kernel.clock import utc_now
from pulseops.kernel.envelope import Context
from pulseops.kernel.ids import new_id
from pulseops.rulebook.loader import load_rulebook
from pulseops.wiring import inline
from tests.histories import store

POOL = "BENCH_POOL"
"""The variable that says how many connections there are."""

_INSTANT = DateTime(timezone=True)


class Base(DeclarativeBase):
    pass


class Event(Base):
    __tablename__ = "service_event"
    __table_args__ = (UniqueConstraint("incident_id", "version"),)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("service_incident.id"))
    version: Mapped[int]
    type: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(_INSTANT)
    actor: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Incident(Base):
    __tablename__ = "service_incident"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    source: Mapped[str]
    service: Mapped[str | None]
    environment: Mapped[str | None]
    labels: Mapped[dict[str, str]] = mapped_column(JSONB)
    priority: Mapped[str | None]
    category: Mapped[str | None]
    assigned_team: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(_INSTANT)
    version: Mapped[int]
    events: Mapped[list[Event]] = relationship(order_by=Event.version)


class Answer(Struct, rename="camel"):
    """What a report is answered with."""

    id: UUID
    status: str
    priority: str | None
    category: str | None
    assigned_team: str | None


_RULED = store(1, inline(load_rulebook(None)))


@post("/incident")
async def report(data: Create, state: State) -> Answer:
    context = Context(actor="key:bench", now=utc_now(), command_id=new_id(), correlation_id=new_id())
    facts = _RULED.draft(new_id(), None, 0, data, context).facts
    decided = _RULED.decider.fold(facts)
    if decided is None:
        raise RuntimeError("a report makes an incident")
    incident = Incident(
        id=decided.id,
        status=decided.status,
        title=decided.title,
        description=decided.description,
        source=decided.source,
        service=decided.service,
        environment=decided.environment,
        labels=decided.labels,
        priority=decided.priority,
        category=decided.category,
        assigned_team=decided.assigned_team,
        created_at=decided.created_at,
        version=decided.version,
        events=[
            Event(
                id=one.event_id,
                version=one.version,
                type=one.fact.type,
                occurred_at=one.occurred_at,
                actor=one.meta.actor,
                data=msgspec.to_builtins(one.fact),
            )
            for one in facts
        ],
    )
    sessions: async_sessionmaker[AsyncSession] = state.sessions
    async with sessions() as session, session.begin():
        session.add(incident)
    return Answer(incident.id, incident.status, incident.priority, incident.category, incident.assigned_team)


@get("/health/live")
async def live() -> str:
    return "ok"


@asynccontextmanager
async def _connected(app: Litestar) -> AsyncIterator[None]:
    url = make_url(os.environ["PULSEOPS_DATABASE_URL"]).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, pool_size=int(os.environ[POOL]), max_overflow=0)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


def main() -> None:
    app = Litestar([report, live], lifespan=[_connected], openapi_config=None)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PULSEOPS_PORT"]),
        loop="uvloop",
        http="httptools",
        log_config=None,
    )


if __name__ == "__main__":
    main()
