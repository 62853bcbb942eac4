"""How the client is used, for the type checker: every type that is asserted is the one that users see."""

from collections.abc import AsyncGenerator, Iterator
from typing import assert_type

from pulseops.audit.checkpoint import Checkpoint
from pulseops.client import Answer, AsyncPulseOps, Create, PulseOps, Refused, TeamValue, Terms
from pulseops.client.results import Batch, Page, Story, Team, WhoAmI
from pulseops.incidents.entries import EventEntry
from pulseops.incidents.incident import Deduplicated, Incident


def blocking(url: str, key: str) -> str:
    with PulseOps(url, key, terms=Terms(deadline=10)) as client:
        made = assert_type(client.incidents.create("Checkout is slow", service="checkout"), Deduplicated)
        answer = assert_type(client.incidents.acknowledge.answer(made.id, note="on it"), Answer[Incident])
        assert_type(client.incidents.iterate(status=("open", "acknowledged")), Iterator[Incident])
        assert_type(client.incidents.list(min_position=answer.position), Page[Incident])
        assert_type(client.incidents.create_many([Create(title="Disk is full")]), Batch)
        assert_type(client.teams.put("payments", TeamValue(lead="ada")), Team)
        assert_type(client.under(Terms(tries=1)).whoami(), WhoAmI)
        assert_type(client.stream(after=answer.position), Iterator[EventEntry])
        assert_type(client.proofs.checkpoint(), str)
        assert_type(client.proofs.inclusion(position=1).check([]), Checkpoint)
        try:
            client.incidents.resolve(made.id, resolution="fixed", if_match=made.version)
        except Refused as refused:
            return refused.code
        client.incidents.priority(made.id, "urgent")  # type: ignore[arg-type]  # there is no such priority
        client.incidents.create("t", titel="t")  # type: ignore[call-arg]  # nor such a parameter
        return ""


async def awaited(url: str, key: str) -> Story | None:
    async with AsyncPulseOps(url, key) as client:
        made = assert_type(await client.incidents.create("Checkout is slow"), Deduplicated)
        answer = assert_type(await client.incidents.resolve.answer(made.id), Answer[Incident])
        assert_type(client.incidents.iterate(priority="high"), AsyncGenerator[Incident, None])
        assert_type(client.stream(after=answer.position), AsyncGenerator[EventEntry, None])
        return assert_type(await client.incidents.get_if_changed(made.id, made.version), Story | None)
