"""Every command in this process, and what it prints."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pulseops.cli.app import app

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*tokens: str) -> tuple[object, str, str]:
        try:
            app(tokens, result_action="return_value")
            code: object = 0
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran


def done(work: Awaitable[Any]) -> Any:
    async def awaited() -> Any:
        return await work

    return asyncio.run(awaited())
