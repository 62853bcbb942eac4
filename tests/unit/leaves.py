"""An event as a row, and what is sealed of it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

ROW: dict[str, Any] = {
    "log_id": 1,
    "position": 42,
    "stream_id": UUID("01990000-0000-7000-8000-000000000001"),
    "version": 3,
    "type": "ASSIGNED",
    "schema_version": 1,
    "event_id": UUID("01990000-0000-7000-8000-000000000002"),
    "command_id": UUID("01990000-0000-7000-8000-000000000003"),
    "occurred_at": datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
    "recorded_at": datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC),
    "data": '{"team": "db", "decision": {"why": "Zoë sagt \\"so\\"", "score": 0.5}}',
    "meta": '{"actor": "key:admin"}',
}


BYTES = b"".join(
    (
        b"pulseops/event/1\n",
        b"\0\0\0\0\0\0\0\x2a",
        b"\x01\x99\0\0\0\0\x70\0\x80\0\0\0\0\0\0\x01",
        b"\x01\x99\0\0\0\0\x70\0\x80\0\0\0\0\0\0\x02",
        b"\x01\x99\0\0\0\0\x70\0\x80\0\0\0\0\0\0\x03",
        b"\0\0\0\x03\0\x01",
        (1_772_366_400_000_001).to_bytes(8),
        (1_772_366_401_000_000).to_bytes(8),
        b"\0\0\0\x08ASSIGNED",
        b"\0\0\0\x3f" + '{"decision":{"score":0.5,"why":"Zoë sagt \\"so\\""},"team":"db"}'.encode(),
        b'\0\0\0\x15{"actor":"key:admin"}',
    )
)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)
