"""What is sealed of an event: to the byte, for ever, and not what anything else would be sealed as."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given

from pulseops.audit.leaf import canonical, sealed
from pulseops.audit.merkle import leaf_hash
from tests.unit.leaves import BYTES, JSON, ROW


def test_an_event_has_these_bytes_for_ever() -> None:
    assert sealed(ROW) == BYTES
    assert leaf_hash(BYTES).hex() == "c8d5a5bfe838c47e221c0589fbc499dd3c22602568dd311a84605ebc68620812"


@given(JSON)
def test_json_is_as_the_standard_has_it(value: Any) -> None:
    expected = rfc8785.dumps(value)
    assert canonical(json.dumps(value)) == expected
    assert canonical(json.dumps(value, ensure_ascii=False, indent=3)) == expected
    assert canonical(expected.decode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0", "0"),
        ("-0.0", "0"),
        ("5.0", "5"),
        ("0.0000001", "1e-7"),
        ("0.000001", "0.000001"),
        ("9007199254740993", "9007199254740993"),
        ("1" + "0" * 400, "1" + "0" * 400),
        (f'{{"a": {"1" * 4_300}}}', f'{{"a":{"1" * 4_300}}}'),
        (f'{{"a": -{"1" * 4_301}}}', f'{{"a": -{"1" * 4_301}}}'),
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("0." + "0" * 400 + "1", "0." + "0" * 400 + "1"),
        ("1" + "0" * 400 + ".5", "1" + "0" * 400 + ".5"),
        ('{"\U0001f600": 1, "\ufb33": 2}', '{"\U0001f600":1,"\ufb33":2}'),
        (
            '{"\\ud83d\\ude00": [{"\U0001f600": 1, "דּ": 2}], "דּ": 2}',
            '{"\U0001f600":[{"\U0001f600":1,"דּ":2}],"דּ":2}',
        ),
    ],
)
def test_what_json_of_others_may_hold_has_bytes_of_its_own(text: str, expected: str) -> None:
    assert canonical(text) == expected.encode()


SLIGHTLY: Mapping[type, Callable[[Any], Any]] = {
    int: lambda value: value + 1,
    str: lambda value: value.replace("a", "b").replace("SS", "S"),
    UUID: lambda value: UUID(int=value.int ^ 1),
    datetime: lambda value: value + timedelta(microseconds=1),
}


@pytest.mark.parametrize(("levels", "as_it_stands"), [(100, False), (101, True), (20_000, True)])
def test_what_is_nested_too_deep_for_some_parser_is_sealed_as_it_stands(
    levels: int, as_it_stands: bool
) -> None:
    brackets = "[" * 200
    deep = '{"a": ' * levels + f'"\\"{brackets}"' + "}" * levels
    assert (canonical(deep) == deep.encode()) is as_it_stands


@pytest.mark.parametrize("column", [name for name in ROW if name != "log_id"])
def test_nothing_of_an_event_changes_unnoticed(column: str) -> None:
    value = ROW[column]
    assert sealed(ROW | {column: SLIGHTLY[type(value)](value)}) != BYTES


def test_the_same_instant_is_the_same_in_every_zone_and_before_1970() -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    assert sealed(ROW | {"occurred_at": ROW["occurred_at"].astimezone(east)}) == BYTES
    early = [datetime(1969, 12, 31, 23, 59, 59, 999_999 - step, tzinfo=UTC) for step in range(2)]
    assert len({sealed(ROW | {"occurred_at": at}) for at in early}) == len(early)


def test_two_texts_side_by_side_are_not_mistaken_for_others() -> None:
    assert sealed(ROW | {"type": "A", "data": '"B"'}) != sealed(ROW | {"type": 'A"B', "data": '""'})
