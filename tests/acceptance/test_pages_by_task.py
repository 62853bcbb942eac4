"""What docs/api.md, docs/cli.md and docs/audit.md say is true: it runs in one bash, against a real server."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from pulseops.audit import keyfile
from pulseops.db.pools import open_connection
from pulseops.up.ports import free_port
from tests.conftest import Database
from tests.keys import a_key
from tests.programs import answering, program

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("api.md", "cli.md")
CHAPTERS = (
    "audit.md#Proofs",
    "audit.md#Nothing left out of an incident",
    "audit.md#Published where nobody can rewrite it",
)
"""Of pages that are not run as a whole."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANY = "…"
RESTARTED = "# Meanwhile the server was restarted."
END = "--- the block ends here ---"


class Step(Struct):
    """What is run, and what it must answer, if the page says so."""

    script: str
    kind: str = ""
    answer: str = ""


def steps(page: str) -> list[Step]:
    found: list[Step] = []
    name, _, chapter = page.partition("#")
    whole = (DOCS / name).read_text()
    part = whole.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0] if chapter else whole
    for kind, text in BLOCK.findall(part):
        if kind == "sh":
            found.append(Step(text))
        else:
            found[-1].kind, found[-1].answer = kind, text
    return found


def documents(text: str) -> Iterator[Any]:
    """JSON documents one after another. In the page's own, `, …` says that there is more."""
    decoder = json.JSONDecoder()
    text = text.strip()
    while text:
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:].strip()


def shown(text: str) -> list[Any]:
    opened = re.sub(r",\s*…\s*\}", f', "{ANY}": 0}}', text)
    return list(documents(re.sub(r",\s*…\s*\]", f', "{ANY}"]', opened)))


def differences(shown: Any, said: Any, where: str = "") -> Iterator[str]:
    match shown, said:
        case dict(), dict():
            names = shown.keys() - {ANY}
            missing, more = names - said.keys(), said.keys() - names
            if missing or (more and ANY not in shown):
                yield f"{where}: missing {sorted(missing)}, unmentioned {sorted(more)}"
            for name in names & said.keys():
                yield from differences(shown[name], said[name], f"{where}/{name}")
        case list(), list():
            listed = [one for one in shown if one != ANY]
            if len(listed) > len(said) or (len(listed) < len(said) and ANY not in shown):
                yield f"{where}: {len(listed)} are shown, {len(said)} are said"
            for number, (one, other) in enumerate(zip(listed, said, strict=False)):
                yield from differences(one, other, f"{where}/{number}")
        case str(), str() if ANY in shown and fits(shown, said):
            pass
        case _ if shown != said:
            yield f"{where}: {shown!r} is shown, {said!r} is said"


def fits(shown: str, said: str) -> bool:
    return re.fullmatch(".+".join(map(re.escape, shown.split(ANY))), said, re.DOTALL) is not None


def compared(step: Step, output: str) -> list[str]:
    if step.kind == "json":
        expected, found = shown(step.answer), list(documents(output))
        return list(differences(expected, found))
    lines = iter(line.strip() for line in output.splitlines())
    return [line for line in step.answer.splitlines() if not any(fits(line, one) for one in lines)]


@asynccontextmanager
async def a_shell(folder: Path, environment: dict[str, str]) -> AsyncIterator[Process]:
    """A bash, which ends with all that it has started."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "--norc"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        yield shell
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        await shell.communicate()


async def run(shell: Process, script: str) -> str:
    assert shell.stdin
    assert shell.stdout
    shell.stdin.write(f"{script}\nprintf '\\n%s\\n' '{END}'\n".encode())
    await shell.stdin.drain()
    async with asyncio.timeout(60):
        output = await shell.stdout.readuntil(END.encode())
        await shell.stdout.readline()
    return output.decode().removesuffix(END)


@pytest.mark.parametrize("page", [*PAGES, *CHAPTERS])
async def test_what_a_page_says_is_so(database: Database, redis_url: str, tmp_path: Path, page: str) -> None:
    port = free_port(0)
    settings = {"database_url": database.app_url, "redis_url": redis_url, "port": str(port)}
    (tmp_path / ".pulseops").mkdir()
    connection = await open_connection(database.app_url)
    (tmp_path / ".pulseops" / "admin.key").write_text(await a_key(connection))
    audit_key = tmp_path / ".pulseops" / "audit.key"
    keyfile.make(audit_key)
    await connection.close()
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULSEOPS_URL": f"http://127.0.0.1:{port}",
        "PULSEOPS_DATABASE_URL": database.app_url,
    }
    signing = settings | {"audit_key": str(audit_key)}
    todo, wrong = steps(page), list[str]()
    async with a_shell(tmp_path, environment) as shell, program("worker", signing):
        while todo:
            async with program("api", settings):
                await answering(port)
                while todo:
                    step = todo.pop(0)
                    output = await run(shell, step.script)
                    wrong += [f"{step.script}{output}\n{one}\n" for one in compared(step, output)]
                    if todo and todo[0].script.startswith(RESTARTED):
                        break
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_restarts_the_server_and_shows_answers(page: str) -> None:
    found = steps(page)
    assert sum(step.script.startswith(RESTARTED) for step in found) == 1
    assert len([step for step in found if step.answer]) >= len(found) - 3


def test_what_differs_is_seen() -> None:
    step = Step("", "json", '{"a": "x…", "b": [1, …], …}\n{"c": null}')
    assert compared(step, '{"a": "xy", "b": [1, 2], "d": 1}\n{"c": null}\n') == []
    for output in (
        '{"a": "y", "b": [1]}\n{"c": null}',
        '{"a": "xy", "b": []}\n{"c": null}',
        '{"a": "xy", "b": [1]}\n{"c": null, "d": 1}',
        '{"a": "xy", "b": [1]}\n{}',
        '{"a": "xy", "b": [1]}',
    ):
        assert compared(step, output), output
    assert compared(Step("", "text", "one\nthree …\n"), "one\ntwo\nthree 3\n") == []
    assert compared(Step("", "text", "two\none\n"), "one\ntwo\n") == ["one"]
