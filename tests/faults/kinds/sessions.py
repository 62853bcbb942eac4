"""PostgreSQL is there, and does not do as it is asked: no connections, no locks, no patience."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import asyncpg

from tests.faults.fault import Fault, Scene
from tests.faults.questions import CANCEL, END_SESSION, END_SESSIONS, SESSIONS


def sessions_ended(scene: Scene) -> None:
    """One at random every 50 ms."""
    for _ in range(30):
        if sessions := scene.stack.ask(SESSIONS):
            scene.stack.ask(END_SESSION, scene.random.choice(sessions))
        scene.load.pause(0.05)


def statements_cancelled(scene: Scene) -> None:
    """The transaction is rolled back, and the connection stays."""
    for _ in range(60):
        scene.stack.ask(CANCEL)
        scene.load.pause(scene.random.uniform(0.0, 0.04))


def connections_taken(scene: Scene) -> None:
    """All that there are, by somebody else, after everybody of ours was thrown out."""

    async def take() -> None:
        async with AsyncExitStack() as stack:
            url = scene.stack.site.postgres.url()
            admin = await asyncpg.connect(scene.stack.site.postgres.url(admin=True))
            stack.push_async_callback(admin.close)
            taken: list[asyncpg.Connection] = []
            for _ in range(3):
                await admin.execute(END_SESSIONS + " AND application_name = 'pulseops'")
                full = False
                while not full:
                    try:
                        taken.append(connection := await asyncpg.connect(url))
                    except asyncpg.TooManyConnectionsError:
                        full = True
                    else:
                        stack.callback(connection.terminate)
            await asyncio.to_thread(scene.load.pause, scene.random.uniform(0.5, 1.5))

    asyncio.run(take())


def locked(table: str, seconds: float) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        async def lock() -> None:
            connection = await asyncpg.connect(scene.stack.site.postgres.url(admin=True))
            try:
                async with connection.transaction():
                    await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                    await asyncio.to_thread(scene.load.pause, seconds)
            finally:
                await connection.close()

        asyncio.run(lock())

    return strike


SESSION_FAULTS = (
    Fault(name="sessions ended at random", strike=sessions_ended),
    Fault(name="statements cancelled", strike=statements_cancelled),
    Fault(name="no connection left", strike=connections_taken),
    Fault(name="the log locked for seconds", strike=locked("eventstore.log", 6.5), quick=False),
    Fault(name="the events locked for a moment", strike=locked("eventstore.event", 1.0)),
    Fault(name="the board locked for seconds", strike=locked("incidents.incident", 5.0), quick=False),
    Fault(name="the deadlines locked for seconds", strike=locked("escalation.deadline", 5.0), quick=False),
)
