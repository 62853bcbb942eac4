"""What analysts may rely on, by the files that make it; and what was promised of it, in docs/contract.

There is a file for each version of the contract. That of the current version is what there is now, and what
an earlier one promises is kept. So something more is a version of its own, with a second number one higher.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pulseops.db import objects

FOLDER = Path(__file__).resolve().parent / "contract"

VIEW = re.compile(r"SELECT analytics\.publish_v1\('(\w+)'")
COLUMN = re.compile(r"::(\S+) AS (\w+),?$", re.MULTILINE)
_OPEN = re.compile(r"GRANT EXECUTE ON FUNCTION (analytics\.\w+)(?:\([^)]*\))? TO pulseops_analyst\b")
_FUNCTION = re.compile(
    r"CREATE OR REPLACE FUNCTION (analytics\.\w+)(\(.*?\))\s+RETURNS (.+?)\nLANGUAGE .*?"
    r"COMMENT ON FUNCTION \1 IS\s+'((?:[^']|'')+)';",
    re.DOTALL,
)
_TOLD = re.compile(r"COMMENT ON COLUMN analytics\.(\w+)\.(\w+) IS\s+'((?:[^']|'')+)';")
_UNIT = re.compile(r"\b(in seconds|from 0 to 1|by UTC)\b")
_VERSION = re.compile(r"'(\d+\.\d+\.\d+)'")

Contract = dict[str, Any]
"""`version`, `views` (columns in order, with types and units) and `functions` (what each takes and gives)."""


class NotAdditive(Exception):
    """Something that analysts rely on was taken away or changed, or added without another version."""


def typed(text: str) -> dict[str, str]:
    """The columns of a view's file in their order, and their types."""
    return {name: kind.replace("float8", "double precision") for kind, name in COLUMN.findall(text)}


def measured(text: str) -> dict[str, str]:
    """The same with units, as comments have them: seconds that become minutes are another type."""
    units = {name: found[1] for _, name, told in _TOLD.findall(text) if (found := _UNIT.search(told))}
    return {name: f"{kind} {units.get(name, '')}".rstrip() for name, kind in typed(text).items()}


def functions(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Those that analysts may call: the name, what it takes, what it gives, what it is."""
    opened = set(_OPEN.findall(text))
    yield from (found for found in _FUNCTION.findall(text) if found[0] in opened)


def present() -> Contract:
    views: dict[str, dict[str, str]] = {}
    called: dict[str, str] = {}
    for file in objects.OBJECTS:
        text = (objects.PACKAGE / file).read_text(encoding="utf-8")
        views |= {name: measured(text) for name in VIEW.findall(text)}
        for name, takes, gives, _ in functions(text):
            called[name.partition(".")[2]] = " ".join(f"{takes} RETURNS {gives}".split())
    version = _VERSION.findall((objects.PACKAGE / "analytics" / "sql" / "contract_v1.sql").read_text("utf-8"))
    return {"version": version[0], "views": views, "functions": called}


def promised() -> list[Contract]:
    """The versions that there were, the newest last."""
    found = [msgspec.json.decode(file.read_bytes()) for file in FOLDER.glob("*.json")]
    return sorted(found, key=lambda one: numbers(one["version"]))


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def changes(old: Contract, new: Contract) -> Iterator[str]:
    """What `new` does not keep of what `old` promised, and what it adds without saying so."""
    for view, columns in old["views"].items():
        now = list(new["views"].get(view, {}).items())[: len(columns)]
        if now != list(columns.items()):
            yield f"the view {view} had the columns {columns}, and has {dict(now)} in their place"
    for function, signature in old["functions"].items():
        if new["functions"].get(function) != signature:
            yield f"the function {function} was {signature}, and is {new['functions'].get(function, 'gone')}"
    same = {part: old[part] for part in ("views", "functions")} == {
        part: new[part] for part in ("views", "functions")
    }
    if not same and numbers(new["version"])[:2] <= numbers(old["version"])[:2]:
        yield f"there is more than in {old['version']}: raise the second number in contract_v1.sql"


def publish() -> None:
    """Writes the file of the current version. Raises NotAdditive."""
    now = present()
    if broken := [told for old in promised() for told in changes(old, now)]:
        raise NotAdditive(f"{'; '.join(broken)}.")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{now['version']}.json").write_bytes(written(now))


def written(contract: Contract) -> bytes:
    return msgspec.json.format(msgspec.json.encode(contract), indent=2) + b"\n"
