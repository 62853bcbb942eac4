"""The one stack that all of these tests kill parts of: what they leave dead is mended before the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.kills.stack import Stack


@pytest.fixture(scope="package")
def standing(ground: Path) -> Iterator[Stack]:
    stack = Stack(ground)
    try:
        stack.build()
        yield stack
    finally:
        stack.tear_down()


@pytest.fixture
def stack(standing: Stack) -> Stack:
    standing.mend()
    return standing
