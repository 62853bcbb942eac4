"""What was published of a fact is kept: its shape may only gain fields that may be absent."""

from typing import Literal

import msgspec
import pytest
from msgspec import Struct

from docs.published import FOLDER, changes, file_of, schema
from pulseops.kernel.envelope import Fact
from pulseops.wiring import FACTS


class Part(Struct, frozen=True, rename="camel"):
    name: str
    weight: float


class Thing(Fact, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    type = "THING"
    full_name: str
    parts: tuple[Part, ...] = ()
    size: int = 1
    colour: Literal["red", "green"] = "red"


def renamed(name: str, **fields: object) -> type[Fact]:
    """Thing with other fields: (type, default) each, or a type alone."""
    kept: dict[str, object] = {
        "full_name": str,
        "parts": (tuple[Part, ...], ()),
        "size": (int, 1),
        "colour": (Literal["red", "green"], "red"),
    } | fields
    made = msgspec.defstruct(
        name,
        [(key, *kind) if isinstance(kind, tuple) else (key, kind) for key, kind in kept.items() if kind],
        bases=(Fact,),
        namespace={"type": "THING"},
        frozen=True,
        kw_only=True,
        rename="camel",
        omit_defaults=True,
    )
    assert issubclass(made, Fact)
    return made


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.type)
def test_a_fact_is_as_it_was_published(fact: type[Fact]) -> None:
    assert changes(fact) == [], "give it a new schema version, an upcaster and a sample"
    assert file_of(fact).read_bytes() == schema(fact), "it is stale: run `uv run python docs/generate.py`"


def test_every_version_that_was_ever_stored_stays_published() -> None:
    wanted = {
        f"{fact.type.lower()}-{version}.json"
        for fact in FACTS
        for version in range(1, fact.schema_version + 1)
    }
    assert {path.name for path in FOLDER.iterdir()} == wanted


def test_a_field_more_that_may_be_absent_is_no_change() -> None:
    assert changes(renamed("Thing", mood=(str, "")), schema(Thing)) == []
    assert changes(renamed("Gadget"), schema(Thing)) == [], "the struct's own name is nobody's business"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"size": None}, "/size is gone"),
        ({"mood": str}, "/mood was optional or not there"),
        ({"size": int}, "/size was optional or not there"),
        ({"full_name": (str, "")}, "/fullName was required"),
        ({"size": (float, 1)}, "/size/type was integer, is number"),
        ({"size": (int, 2)}, "/size/default was 1, is 2"),
        ({"colour": (Literal["red", "green", "blue"], "red")}, "/colour/enum was"),
        ({"parts": (tuple[str, ...], ())}, "/parts/items"),
    ],
)
def test_every_other_change_is_told(fields: dict[str, object], told: str) -> None:
    assert told in "; ".join(changes(renamed("Thing", **fields), schema(Thing)))


def test_a_change_in_a_part_of_a_fact_is_told() -> None:
    class Heavy(Struct, frozen=True, rename="camel"):
        name: str
        weight: int

    assert changes(renamed("Thing", parts=(tuple[Heavy, ...], ())), schema(Thing)) == [
        "/parts/items/weight/type was number, is integer"
    ]
