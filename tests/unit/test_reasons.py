"""Why something failed: no number, no class, no file's name twice."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from pulseops.kernel.reasons import reason


def test_of_a_file_the_system_says_why(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Errno") as caught:
        (tmp_path / "none").read_bytes()
    assert reason(caught.value) == "No such file or directory"


async def test_where_nobody_listens_the_address_is_named(unused: int) -> None:
    with pytest.raises(OSError, match="Errno") as caught:
        await asyncio.open_connection("127.0.0.1", unused)
    assert reason(caught.value) == f"Connection refused at 127.0.0.1 port {unused}"
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError) as failed:
            await client.get(f"http://127.0.0.1:{unused}")
    assert reason(failed.value) == f"Connection refused at 127.0.0.1 port {unused}"


def test_each_of_several_addresses_is_named() -> None:
    error = OSError(
        "Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0), "
        "[Errno 111] Connect call failed ('127.0.0.1', 5432)"
    )
    assert reason(error) == "Connection refused at ::1 port 5432, Connection refused at 127.0.0.1 port 5432"


def test_what_says_nothing_is_told_all_the_same() -> None:
    assert reason(TimeoutError()) == "It took too long"
    assert reason(socket.gaierror(-2, "Name or service not known")) == "Name or service not known"
    assert reason(ValueError()) == "ValueError"


def test_nothing_of_what_is_read_stands_in_the_reason() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        b"secret\xff".decode()
    assert reason(caught.value) == "It is no text in UTF-8"


@pytest.fixture
def unused() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
