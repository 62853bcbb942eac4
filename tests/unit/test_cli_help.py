"""`--help` of every command: it is told in its parent's list, and in one voice."""

import re
from collections.abc import Iterator
from io import StringIO

import pytest
from cyclopts import App
from rich.console import Console

from pulseops.cli.app import app


def commands(of: App = app, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for name in of:
        if not name.startswith("-") and isinstance(of[name], App):
            yield from commands(of[name], (*words, name))


COMMANDS = sorted(set(commands()))


def shown(*words: str) -> str:
    console = Console(file=StringIO(), width=400, force_terminal=False)
    app.help_print([*words], console=console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_there_are_as_many_as_we_know_of() -> None:
    assert {("audit", "publish"), ("events", "import"), ("report", "weekly"), ("up",)} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_says_what_it_does_where_it_is_listed(words: tuple[str, ...]) -> None:
    told = shown(*words)
    for line in told.splitlines():
        assert not re.fullmatch(r"│ [a-z-]+ +│", line), (
            f"{line.strip('│ ')} of {' '.join(words)} says nothing"
        )
    assert "default: ()" not in told
    assert "default: False" not in told
    assert '""' not in told


def test_where_a_server_and_its_key_come_from_is_told_in_two_ways_and_no_more() -> None:
    """Of commands that speak to a server, and of those that speak to the database unless one is named."""
    said = dict[str, set[str]]()
    for words in COMMANDS:
        for line in shown(*words).splitlines():
            if found := re.match(r"│ +(--key|--url|--key-file) [A-Z]+ +(.*?) *│", line):
                said.setdefault(found[1], set()).add(found[2])
    assert {name: len(ways) for name, ways in said.items()} == {"--key": 2, "--url": 2, "--key-file": 2}
    assert all("PULSEOPS_URL" in way for way in said["--url"])
    assert all("PULSEOPS_API_KEY" in way for way in said["--key-file"])
