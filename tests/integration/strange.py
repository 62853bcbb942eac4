"""Events that PulseOps never writes, and whoever may append could."""

import json
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from pulseops.kernel.ids import new_id

_DEEP = "[" * 101 + '{"b": 1.50, "aa": "\\\\"}' + "]" * 101
ID = str(UUID(int=7))
PLAIN = json.dumps({"actor": "key:probe", "correlationId": ID})

STRANGE = (
    ("{}", PLAIN),
    ("{}", json.dumps({"actor": 'a\\"b\n', "correlationId": "", "causationId": "x"})),
    ("{}", json.dumps({"actor": "ada", "correlationId": ID, "tenant": {"name": "acme"}})),
    ("{}", json.dumps({"actor": "ada", "correlationId": ID, "causationId": None})),
    ("{}", json.dumps({"actor": "ada", "correlationId": ID, "causationId": 5})),
    ("{}", json.dumps({"actor": 7, "correlationId": ID})),
    ("{}", json.dumps({"actor": "ada"})),
    ("{}", json.dumps({"actor": None, "correlationId": None})),
    ("{}", "{}"),
    ("false", "true"),
    ("[]", '["actor", "correlationId"]'),
    ('"text"', '"actor"'),
    ("1.50", "12345678901234567890.10"),
    ("123456789012345678901234567890", PLAIN),
    ("0.1000000000000000055", PLAIN),
    ("1" + "0" * 5_000, PLAIN),
    ('{"b": 1e400, "a": -0.0, "c": 1e-7}', PLAIN),
    (_DEEP, PLAIN),
    (f'{{"x": {_DEEP}, "a": 1}}', f'{{"actor": {_DEEP}}}'),
    ("[" * 1_000 + "]" * 1_000, PLAIN),
    ('{"\\ud83d\\ude00": 1, "\\ufb33": 2, "\\u007f\\u0085\\u2028": "\\u0001"}', PLAIN),
    ('{"data": ",\\"data\\":"}', json.dumps({"actor": ',"data":', "correlationId": ID})),
    ('{"title": "plain"}', json.dumps({"actor": "ada", "correlationId": ID, "of": "long" * 100})),
)
"""Data and meta of each, as JSON."""

_APPEND = """
SELECT a.position FROM eventstore.append_v2(1::smallint, jsonb_build_array(jsonb_build_object(
  'stream_id', $1::text, 'expected_version', 0, 'command_id', $1::text, 'events', jsonb_build_array(
    jsonb_build_object('type', $2::text, 'schema_version', 1, 'event_id', $1::text,
      'occurred_at', $3::timestamptz, 'data', $4::text::jsonb, 'meta', $5::text::jsonb))))) AS a
"""


async def store(
    connection: asyncpg.Connection,
    data: str,
    meta: str,
    *,
    kind: str = "STRANGE",
    occurred_at: datetime = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC),
) -> int:
    """Its position."""
    position: int = await connection.fetchval(_APPEND, str(new_id()), kind, occurred_at, data, meta)
    return position
