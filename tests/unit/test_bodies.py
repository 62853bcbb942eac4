"""How much of a body is read."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from litestar import Request

from pulseops.http.bodies import read
from pulseops.http.exchange import Exchange
from pulseops.http.refusal import Refused


def _request(*parts: bytes) -> Request[Any, Any, Any]:
    """One whose body comes in these parts, without a length."""
    waiting = list(parts)

    async def receive() -> Any:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    scope: Any = {"type": "http", "exchange": Exchange({}, "r", uuid4())}
    return Request(scope, receive)


@pytest.mark.parametrize("parts", [(b"abcdef",), (b"abcdef", b""), (b"abc", b"def"), (b"", b"abcdef")])
async def test_no_part_of_a_body_passes_its_limit(parts: Sequence[bytes]) -> None:
    with pytest.raises(Refused, match="at most 5 bytes"):
        await read(_request(*parts), 5)
    assert await read(_request(*parts), 6) == b"abcdef"
