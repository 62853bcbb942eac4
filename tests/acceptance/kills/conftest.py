"""The one stack that all of these tests kill parts of: what they leave dead is mended before the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stack import Stack


@pytest.fixture(scope="package")
def standing(ground: Path) -> Iterator[Stack]:
    folder = ground / "kills"
    folder.mkdir()
    folder.chmod(0o711)
    stack = Stack(folder)
    try:
        stack.build()
        yield stack
    finally:
        stack.tear_down()


@pytest.fixture
def stack(standing: Stack) -> Stack:
    standing.mend()
    return standing
