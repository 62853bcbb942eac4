"""An event in the words of others leads to the very bytes that were sealed, or is none."""

from base64 import b64encode
from datetime import datetime
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from pulseops.audit.cloudevent import CloudEvent, NotAnEvent
from pulseops.audit.leaf import sealed
from tests.unit.leaves import BYTES, ROW

PLAIN = ROW | {
    "data": '{"title": "a \\"b\\"", "n": 4.50}',
    "meta": '{"actor": "key:ci", "correlationId": "7"}',
}
ENTRY = sealed(PLAIN)


def test_an_event_is_told_and_sealed_again_alike() -> None:
    event = CloudEvent.of(PLAIN)
    line = msgspec.json.encode(event)
    assert event.entry == CloudEvent.parsed(line).entry == ENTRY
    assert CloudEvent.of_entry(ENTRY).entry == ENTRY
    assert CloudEvent.of_entry(BYTES).entry == CloudEvent.of(ROW).entry == BYTES
    assert b"4.50" in line, "as it stands, also where a machine's number would lose it"
    for meta in ("{}", '{"actor": 1}', '["a"]', '{"actor": "a", "correlationId": "b", "of": "c"}'):
        odd = PLAIN | {"meta": meta}
        assert CloudEvent.of(odd).entry == sealed(odd)
        assert CloudEvent.of_entry(sealed(odd)).entry == sealed(odd)


def test_what_two_readers_would_read_differently_is_no_event() -> None:
    line = msgspec.json.encode(CloudEvent.of(PLAIN)).decode()
    assert CloudEvent.parsed(line).position == "42"
    for other, said in (
        (line.replace('"type":', '"type":"RESOLVED","type":'), "'type' stands in it twice"),
        (line.replace('"title":', '"title":"x","title":'), "'title' stands in it twice"),
        (line.replace('"actor":', '"approvedby":"eve","actor":'), "unknown field `approvedby`"),
        (line.replace("12:00:00.000001Z", "12:00:00.0000011Z"), "finer"),
        (line.replace("12:00:00.000001Z", "12:00:00.000001"), "timezone"),
        (line[:-1], "no event"),
        (line + line, "no event"),
        ("[]", "no event"),
        (line.replace('"n":', '"m":' + "[" * 50_000 + "]" * 50_000 + ',"n":'), "nested too deeply"),
    ):
        with pytest.raises(NotAnEvent, match=said):
            CloudEvent.parsed(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"position": "42\n"},
        {"position": "042"},
        {"position": "٤٢"},
        {"position": str(2**64)},
        {"version": 2**40},
        {"schemaversion": -1},
        {"time": datetime(2026, 5, 1)},  # noqa: DTZ001 -- that is what is wrong with it
        {"actor": msgspec.UNSET},
        {"meta": b64encode(b"{}").decode()},
        {"actor": msgspec.UNSET, "correlationid": msgspec.UNSET, "meta": "?"},
        {"data": Raw(b"{")},
    ],
)
def test_what_could_never_be_sealed_is_no_event(changed: dict[str, Any]) -> None:
    with pytest.raises(NotAnEvent):
        _ = replace(CloudEvent.of(PLAIN), **changed).entry


@pytest.mark.parametrize("entry", [b"", b"pulseops/event/1\n", ENTRY[:-1], ENTRY + b"\0", ENTRY[1:]])
def test_what_is_no_entry_is_told_as_no_event(entry: bytes) -> None:
    with pytest.raises(NotAnEvent):
        CloudEvent.of_entry(entry)
