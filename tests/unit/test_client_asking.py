"""What each call asks for, as it goes over the wire."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pulseops.client import (
    Create,
    KeyDefinition,
    LinkValue,
    PulseOps,
    Refused,
    ServiceValue,
    TeamValue,
    Terms,
)
from tests.scripted import reply, scripted

ID = "019abcde-0000-7000-8000-000000000001"
AT = datetime(2026, 11, 23, 14, 5, tzinfo=timezone(timedelta(hours=1)))
INCIDENT = f"/incidents/{ID}"

ASKED: tuple[tuple[Callable[[PulseOps], Any], str, Any], ...] = (
    (
        lambda api: api.incidents.list(
            status=("open", "acknowledged"),
            priority="high",
            label=["region=eu", "canary"],
            since=AT,
            text="two words",
            sort="-priority",
            limit=5,
            min_position=7,
        ),
        (
            "GET /incidents?status=open&status=acknowledged&priority=high&label=region%3Deu&label=canary"
            "&since=2026-11-23T13%3A05%3A00Z&text=two+words&sort=-priority&limit=5&min_position=7"
        ),
        None,
    ),
    (lambda api: list(api.incidents.iterate(team="a", cursor="c")), "GET /incidents?team=a&cursor=c", None),
    (
        lambda api: api.incidents.facets(responder="ada", source="monitoring", until=AT.astimezone(UTC)),
        "GET /incidents/facets?responder=ada&source=monitoring&until=2026-11-23T13%3A05%3A00Z",
        None,
    ),
    (lambda api: api.incidents.get(ID, as_of=3), f"GET {INCIDENT}?asOf=3", None),
    (
        lambda api: api.incidents.get(ID, as_of=AT, min_position=9),
        f"GET {INCIDENT}?asOf=2026-11-23T13%3A05%3A00Z&min_position=9",
        None,
    ),
    (
        lambda api: api.proofs.inclusion(position=3, size=9),
        "GET /audit/proofs/inclusion?position=3&size=9",
        None,
    ),
    (lambda api: api.proofs.inclusion(event=ID), f"GET /audit/proofs/inclusion?eventId={ID}", None),
    (
        lambda api: api.proofs.inclusion(incident=ID, version=2),
        f"GET /audit/proofs/inclusion?incident={ID}&version=2",
        None,
    ),
    (lambda api: api.proofs.consistency(3), "GET /audit/proofs/consistency?from=3", None),
    (lambda api: api.proofs.consistency(3, 9), "GET /audit/proofs/consistency?from=3&to=9", None),
    (lambda api: api.proofs.checkpoint(), "GET /audit/checkpoint", None),
    (lambda api: api.proofs.tile(0, 1234), "GET /audit/tile/0/x001/234", None),
    (lambda api: api.proofs.tile(1, 0, width=5), "GET /audit/tile/1/000.p/5", None),
    (lambda api: api.incidents.timeline(ID, limit=2), f"GET {INCIDENT}/timeline?limit=2", None),
    (lambda api: api.incidents.events(ID, cursor="2"), f"GET {INCIDENT}/events?cursor=2", None),
    (lambda api: api.incidents.plan(ID), f"GET {INCIDENT}/plan", None),
    (lambda api: api.incidents.acknowledge(ID), f"POST {INCIDENT}/acknowledge", {}),
    (
        lambda api: api.incidents.snooze(ID, AT, note="later"),
        f"POST {INCIDENT}/snooze",
        {"until": "2026-11-23T14:05:00+01:00", "note": "later"},
    ),
    (lambda api: api.incidents.escalate(ID, to="ada"), f"POST {INCIDENT}/escalate", {"to": "ada"}),
    (
        lambda api: api.incidents.edit(ID, labels={"a": None, "b": "1"}),
        f"POST {INCIDENT}/edit",
        {"labels": {"a": None, "b": "1"}},
    ),
    (lambda api: api.incidents.merge(ID, ID), f"POST {INCIDENT}/merge", {"into": ID}),
    (
        lambda api: api.incidents.create_many([Create(title="a"), Create(title="b", labels={"x": "y"})]),
        "POST /incidents:batch",
        [{"title": "a"}, {"title": "b", "labels": {"x": "y"}}],
    ),
    (lambda api: api.escalations.list(kind="snooze"), "GET /escalations?kind=snooze", None),
    (lambda api: api.services.list(tier=1), "GET /services?tier=1", None),
    (lambda api: api.services.delete("a b", note="gone"), "DELETE /services/a%20b?note=gone", None),
    (
        lambda api: api.keys.create(KeyDefinition(name="ci", role="ingest", expires_at=AT)),
        "POST /keys",
        {"name": "ci", "role": "ingest", "expiresAt": "2026-11-23T14:05:00+01:00"},
    ),
    (lambda api: api.keys.rotate("k1", overlap_seconds=0), "POST /keys/k1/rotate", {"overlapSeconds": 0}),
    (
        lambda api: api.audit.list(who="key:ci", since=AT),
        "GET /audit?who=key%3Aci&since=2026-11-23T13%3A05%3A00Z",
        None,
    ),
)


@pytest.mark.parametrize(("call", "line", "body"), ASKED, ids=[line for _, line, _ in ASKED])
async def test_a_call_asks_for_what_it_says(call: Callable[[PulseOps], Any], line: str, body: Any) -> None:
    async with scripted(reply(400, b"{}")) as server:

        def ask() -> None:
            with PulseOps(server.url, "k", terms=Terms(tries=1)) as api, pytest.raises(Refused):
                call(api)

        await asyncio.to_thread(ask)
    (said,) = server.requests
    assert said.line == f"{line} HTTP/1.1"
    assert said.headers["authorization"] == "Bearer k"
    assert (json.loads(said.body) if said.body else None) == body
    assert ("idempotency-key" in said.headers) == (not line.startswith("GET"))


async def test_what_one_has_seen_is_said_as_a_tag() -> None:
    async with scripted(reply(412, b"{}")) as server:

        def ask() -> None:
            with PulseOps(server.url) as api:
                for call in (
                    lambda: api.incidents.resolve(ID, if_match=3),
                    lambda: api.teams.put("a", TeamValue(), if_match=3),
                    lambda: api.services.put(
                        "a", ServiceValue(team="b", links=(LinkValue(title="t", url="u"),))
                    ),
                    lambda: api.incidents.get_if_changed(ID, 3),
                ):
                    with pytest.raises(Refused):
                        call()

        await asyncio.to_thread(ask)
    one, two, three, four = server.requests
    assert one.headers["if-match"] == two.headers["if-match"] == four.headers["if-none-match"] == '"3"'
    assert "if-match" not in three.headers
    assert "authorization" not in one.headers
    assert json.loads(three.body)["links"] == [{"title": "t", "url": "u"}]


def test_a_time_without_a_zone_is_refused_before_it_is_sent() -> None:
    with PulseOps("http://127.0.0.1:9") as api, pytest.raises(ValueError, match="needs its zone"):
        api.incidents.list(since=AT.replace(tzinfo=None))


def test_the_page_of_the_client_names_each_of_its_methods() -> None:
    page = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
    rooms = ("incidents", "escalations", "teams", "services", "keys", "users", "audit", "proofs")
    with PulseOps("http://127.0.0.1:9") as client:
        for room in rooms:
            row = next(
                line for line in page.splitlines() if line.startswith("| ") and f"`client.{room}`" in line
            )
            methods = {name for name in dir(getattr(client, room)) if not name.startswith("_")} - {"wire"}
            assert {name for name in methods if f"`{name}`" not in row} == set(), room
