"""Writes docs/events.md, docs/tables.md and docs/schemas from the code: `uv run python docs/generate.py`.

It needs no database, and keeps each page down to its mark. A test fails when the rest is stale.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from inspect import getdoc
from pathlib import Path
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct, inspect
from sqlalchemy import CheckConstraint, Column, Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

import pulseops.access.tables
import pulseops.audit.tables
import pulseops.catalog.tables
import pulseops.escalation.tables
import pulseops.eventstore.tables
import pulseops.incidents.tables
import pulseops.projections.tables
import pulseops.subscriptions.tables  # noqa: F401  -- these fill the metadata
from docs import promise
from docs.published import file_of, publish
from pulseops.catalog.events import Link, Member
from pulseops.db import objects
from pulseops.db.metadata import metadata
from pulseops.incidents.events import Candidate, Decision
from pulseops.kernel.envelope import Fact, Meta
from pulseops.wiring import FACTS

DOCS = Path(__file__).resolve().parent
_MADE = "<!-- What follows is made from the code by docs/generate.py. -->\n"
_NOTES = {
    "eventstore.event": " Partitioned by ranges of 2^24 positions (`event_p0000`, …), which "
    "`eventstore.ensure_partitions_v1` makes ahead of need. Each partition is also unique by log_id, "
    "stream_id, version, and refuses UPDATE, DELETE and TRUNCATE by triggers that fire for every role."
}
_GENERATIONS = (
    " A view of the live generation's table, which has the keys and indexes told here: `{0}_1` at first, "
    "another after each rebuild ([decision 15](decisions/0015-read-models-have-generations.md))."
)
_STATEMENT = re.compile(
    r"^(?:ALTER DEFAULT PRIVILEGES IN SCHEMA (?P<schemas>[\w, ]+?)\s+)?(?P<verb>GRANT|REVOKE) "
    r"(?P<rights>[^;]+?) ON (?P<on>[\w.,\s]+?) (?:TO|FROM) (?P<roles>[\w, ]+);",
    re.MULTILINE,
)
_VIEW_COMMENT = re.compile(r"COMMENT ON (?:VIEW|COLUMN) analytics\.([\w.]+) IS\s+'((?:[^']|'')+)';")
_KINDS = {
    inspect.StrType: "string",
    inspect.BoolType: "boolean",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.NoneType: "null",
    inspect.UUIDType: "UUID",
    inspect.DateTimeType: "RFC 3339 time",
}


def granted() -> dict[tuple[str, str], set[str]]:
    """What each role may do with each table, by the `.sql` files in the order in which they are applied."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in (*objects.BEFORE, *objects.OBJECTS):
        script = (objects.PACKAGE / name).read_text(encoding="utf-8")
        for view in promise.VIEW.findall(script):
            found[f"analytics.{view}", "pulseops_analyst"] = {"SELECT"}
        for one in _STATEMENT.finditer(script):
            schemas, tables, roles = (
                re.findall(r"[\w.]+", one[part] or "") for part in ("schemas", "on", "roles")
            )
            rights = set(re.findall(r"[A-Z]+(?: \(\w+\))?", one["rights"]))
            for table in metadata.tables.values():
                if table.schema in schemas or table.fullname in tables:
                    for key in ((table.fullname, role) for role in roles):
                        found[key] = found[key] | rights if one["verb"] == "GRANT" else found[key] - rights
    return found


def events() -> Iterator[str]:
    envelope = _columns(metadata.tables["eventstore.event"])
    yield from ("## The envelope", "The same for every fact.", envelope, "In `meta`:", _fields(Meta))
    for fact in FACTS:
        yield f"## {fact.type}"
        published = file_of(fact).relative_to(DOCS)
        yield f"{_told(fact)} Schema version {fact.schema_version}: [JSON schema]({published})."
        yield _fields(fact)
        yield f"```json\n{_sample(fact)}\n```"
    for struct in (Decision, Candidate, Member, Link):
        yield from (f"## {struct.__name__}", _told(struct), _fields(struct))


def _told(struct: type[Struct]) -> str:
    """The docstring, with the fields' names as they are in JSON."""
    return re.sub(r"_([a-z])", lambda one: one[1].upper(), getdoc(struct) or "")


def _sample(fact: type[Fact]) -> str:
    files = (DOCS.parent / "tests" / "samples" / "events").glob(f"{fact.type.lower()}-{fact.schema_version}*")
    fullest = max((msgspec.json.decode(file.read_bytes())["data"] for file in sorted(files)), key=len)
    return msgspec.json.format(msgspec.json.encode(fullest)).decode()


def _fields(struct: type[Struct]) -> str:
    info = inspect.type_info(struct)
    fields = info.fields if isinstance(info, inspect.StructType) else ()
    return _rows(
        "field", ((f"`{one.encode_name}`", _kind(one.type), _default(one)) for one in fields), "default"
    )


def _default(field: inspect.Field) -> str:
    made = NODEFAULT if field.default_factory is NODEFAULT else field.default_factory()
    value = made if field.default is NODEFAULT else field.default
    return "required" if value is NODEFAULT else f"`{msgspec.json.encode(value).decode()}`"


def _kind(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            return " or ".join(_kind(one) for one in kind.types)
        case inspect.LiteralType():
            return ", ".join(f"`{one}`" for one in kind.values)
        case inspect.DictType():
            free = isinstance(kind.value_type, inspect.AnyType)
            return "object" if free else f"object of {_kind(kind.value_type)}s"
        case inspect.VarTupleType():
            return f"array of {_kind(kind.item_type)}s"
        case inspect.StructType():
            return f"[{kind.cls.__name__}](#{kind.cls.__name__.lower()})"
        case _:
            return _KINDS[type(kind)]


def tables() -> Iterator[str]:
    described = (objects.PACKAGE / "db" / "sql" / "schemas.sql").read_text(encoding="utf-8")
    for schema, told in re.findall(r"COMMENT ON SCHEMA (\w+) IS '([^']+)'", described):
        yield from (f"## {schema}", told)
        for name, table in sorted(metadata.tables.items()):
            if table.schema == schema:
                yield from (f"### {name}", f"{table.comment}{_note(table)}")
                yield from (_columns(table), "\n".join(f"- {line}" for line in _besides(table)))
    yield from views()


def views() -> Iterator[str]:
    """What analysts read and call, by the files that make it. The schema's heading stands above."""
    for file in objects.OBJECTS:
        text = (objects.PACKAGE / file).read_text(encoding="utf-8")
        for name in promise.VIEW.findall(text):
            told = {of: what.replace("''", "'") for of, what in _VIEW_COMMENT.findall(text)}
            yield from (f"### analytics.{name}", told[name])
            columns = ((f"`{one}`", kind, told[f"{name}.{one}"]) for one, kind in promise.typed(text).items())
            yield _rows("column", columns, "what")
            yield "- `pulseops_analyst` may SELECT"
        for function, takes, gives, what in promise.functions(text):
            yield f"### {function}"
            yield what.replace("''", "'")
            yield f"```sql\n{function}{takes} RETURNS {gives}\n```"
            yield "- `pulseops_analyst` may EXECUTE"


def _note(table: Table) -> str:
    generations = _GENERATIONS.format(table.name) if table.info.get("generations") else ""
    return generations + _NOTES.get(table.fullname, "")


def _besides(table: Table) -> Iterator[str]:
    yield f"Primary key: {_named(table.primary_key.columns)}"
    for constraint in sorted(table.constraints, key=lambda one: str(one.name)):
        if isinstance(constraint, UniqueConstraint):
            yield f"Unique: {_named(constraint.columns)}"
        elif isinstance(constraint, CheckConstraint):
            yield f"Check: {constraint.sqltext}"
    for index in sorted(table.indexes, key=lambda one: str(one.name)):
        where = index.dialect_options["postgresql"]["where"]
        only = "" if where is None else f", where {where}"
        yield f"Index `{index.name}`{', unique' if index.unique else ''}: {_indexed(index)}{only}"
    for (name, role), rights in sorted(granted().items(), reverse=True):
        if name == table.fullname and rights:
            yield f"`{role}` may {', '.join(sorted(rights))}"


def _columns(table: Table) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own lack
    kinds = ((one, one.type.compile(dialect=dialect).lower()) for one in table.columns)
    return _rows(
        "column",
        ((f"`{one.name}`", kind + " or null" * bool(one.nullable), one.comment or "") for one, kind in kinds),
        "what",
    )


def _indexed(index: Index) -> str:
    """Its columns; an expression as it is written."""
    return ", ".join(getattr(one, "name", None) or f"`{one}`" for one in index.expressions)


def _named(columns: Iterable[Column[Any]]) -> str:
    return ", ".join(column.name for column in columns)


def _rows(first: str, rows: Iterable[tuple[str, str, str]], last: str) -> str:
    lines = ((first, "type", last), ("---", "---", "---"), *rows)
    return "\n".join(f"| {' | '.join(line)} |".replace("<", r"\<") for line in lines)


PAGES = {DOCS / "events.md": events, DOCS / "tables.md": tables}


def written(page: Path) -> str:
    """The page as it should be: its own beginning, and the rest from the code."""
    beginning = page.read_text(encoding="utf-8").partition(_MADE)[0]
    return beginning + _MADE + "".join(f"\n{block}\n" for block in PAGES[page]())


if __name__ == "__main__":
    publish(FACTS)
    promise.publish()
    for page in PAGES:
        page.write_text(written(page), encoding="utf-8")
