"""The API does what its description says, whatever is asked of it."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import httpx
import pytest

from pulseops.audit import keyfile
from pulseops.db.pools import open_connection
from pulseops.up.ports import free_port
from tests.conftest import Database
from tests.keys import a_key
from tests.programs import answering, program

_CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize("examples", [1, pytest.param(100, marks=pytest.mark.long)])
async def test_no_request_meets_an_answer_that_is_not_described(
    database: Database, redis_url: str, tmp_path: Path, examples: int
) -> None:
    """`examples` random ones of each operation, beside those at the edges of the schema; then sequences."""
    port = free_port(0)
    settings = {"database_url": database.app_url, "redis_url": redis_url, "port": str(port)}
    connection = await open_connection(database.app_url)
    key = await a_key(connection)
    await connection.close()
    keyfile.make(tmp_path / "audit.key")
    signing = settings | {"audit_key": str(tmp_path / "audit.key")}
    async with program("worker", signing), program("api", settings):
        await answering(port)
        asking = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", _CONFIG, "run"),
            *("--max-examples", str(examples), "--workers", "1", "--continue-on-failure", "--no-color"),
            f"http://127.0.0.1:{port}/openapi.json",
            stdout=PIPE,
            stderr=STDOUT,
            cwd=tmp_path,
            env=os.environ | {"PULSEOPS_API_KEY": key},
        )
        told, _ = await asking.communicate()
        async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {key}"}) as client:
            let_in = (await client.get(f"http://127.0.0.1:{port}/whoami")).status_code
    said = told.decode()
    assert asking.returncode == 0, said
    assert let_in == 200, "it was let in to the end"
    assert "Could not resolve" not in said, "a link that leads nowhere"
    [(followed, there)] = re.findall(r"API Links: +([0-9]+) covered / ([0-9]+) selected", said)
    assert int(followed) > int(there) / 3, said
