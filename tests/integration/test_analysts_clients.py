"""What analysts use, on a login that `pulseops analyst create` made: psql, pandas over SQLAlchemy, DuckDB."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path

import asyncpg
import duckdb
import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from pulseops.access.recording import local
from pulseops.analytics import logins
from pulseops.cli.analysts import for_login
from pulseops.db.pools import open_pool
from pulseops.incidents.commands import Acknowledge, Create
from pulseops.kernel.clock import utc_now
from pulseops.up.binaries import postgres_programs
from pulseops.up.home import Home
from tests.conftest import Database
from tests.histories import Step, enact
from tests.integration.led import follow

DOCUMENT = Path(__file__).parents[2] / "docs" / "analytics.md"
_QUERY = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
_EXTENSION = files("duckdb_extension_postgres_scanner") / "extensions" / f"v{duckdb.__version__}"


@pytest.fixture
async def url(database: Database, app: asyncpg.Connection) -> AsyncIterator[str]:
    """Where the login reads: one incident, which was acknowledged."""
    await enact(
        app,
        1,
        [
            Step(0, Create(title="Checkout is down", service="checkout"), "key:probe", apart=False),
            Step(0, Acknowledge(), "user:ada", apart=True),
        ],
    )
    name = f"ana_{database.name}"
    pool = await open_pool(database.admin_url, role=None, size=2)
    await follow(pool, 1)
    by = local("cli", now=utc_now())
    password = await logins.create(
        pool, by, name, logs=("default",), longest=timedelta(minutes=1), connections=5
    )
    yield for_login(database.admin_url, name, password)
    assert await logins.revoke(pool, local("cli", now=utc_now()), name)
    await pool.close()


async def test_psql_answers_every_query_of_the_document(url: str, home: Home) -> None:
    queries = _QUERY.findall(DOCUMENT.read_text())
    answers = []
    psql = postgres_programs(home.account, home.data) / "psql"
    ask = partial(
        subprocess.run,
        [psql, "--no-psqlrc", "--csv", "--set=ON_ERROR_STOP=1", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    for query in queries:
        asked = await asyncio.to_thread(partial(ask, input=query))
        assert asked.returncode == 0, (query, asked.stderr)
        answers.append(asked.stdout.splitlines())
    head, first = answers[0]
    assert head == "team,acknowledged,mtta,p95"
    assert first.startswith(",1,0,")  # nobody was assigned: it has no team


async def test_pandas_has_seconds_as_numbers_and_instants_as_instants(
    url: str, app: asyncpg.Connection
) -> None:
    def read() -> pd.DataFrame:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            frame = pd.read_sql(text("SELECT * FROM analytics.response"), connection)
        engine.dispose()
        return frame

    frame = await asyncio.to_thread(read)
    assert str(frame.seconds_to_acknowledge.dtype) == "float64"
    assert str(frame.created_at.dtype).startswith("datetime64[")
    assert frame.created_at.dt.tz is not None
    created, acknowledged = [
        row["recorded_at"]
        for row in await app.fetch("SELECT recorded_at FROM eventstore.event ORDER BY position")
    ][:2]
    assert frame.seconds_to_acknowledge[0] == pytest.approx((acknowledged - created).total_seconds())
    assert frame.acknowledged_by[0] == "user:ada"


async def test_duckdb_attaches_the_views(url: str) -> None:
    def read() -> list[tuple[object, ...]]:
        duck = duckdb.connect()
        try:
            duck.execute(f"LOAD '{_EXTENSION / 'postgres_scanner.duckdb_extension'}'")
            duck.execute(f"ATTACH '{url}' AS pulseops (TYPE postgres, READ_ONLY, SCHEMA 'analytics')")
            return duck.execute(
                "SELECT service, count(*), avg(seconds_to_acknowledge) > 0, epoch(max(created_at)) "
                "FROM pulseops.analytics.response GROUP BY service"
            ).fetchall()
        finally:
            duck.close()

    [(service, count, answered, newest)] = await asyncio.to_thread(read)
    assert (service, count, answered) == ("checkout", 1, True)
    assert isinstance(newest, float)
    assert newest <= utc_now().timestamp()


async def test_a_login_writes_nothing_and_its_queries_end(url: str) -> None:
    connection = await asyncpg.connect(url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("SELECT lo_create(0)")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await connection.execute("CREATE TEMP SEQUENCE one")
    await connection.execute("SET statement_timeout = '50ms'")
    with pytest.raises(asyncpg.QueryCanceledError):
        await connection.execute("SELECT pg_sleep(5)")
    await connection.close()
