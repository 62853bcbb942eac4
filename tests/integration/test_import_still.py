"""A log that was moved goes on waiting where it was; a copy to look at wakes nobody."""

from pathlib import Path

import pytest

from pulseops.escalation.timers import NAME
from tests.conftest import Database
from tests.integration.duty import MINUTE, on_duty
from tests.integration.importing import lived, owner, rows, taken_in, taken_out, worked_off
from tests.serving import Api, serving

WAITING = "escalation.deadline"
LED = """
INSERT INTO eventstore.subscription (log_id, name, position, owner, epoch, lease_until, updated_at)
SELECT 1, n, 0, 'a worker', 7, now() + interval '1 hour', now() FROM unnest($1::text[]) AS n
"""
STANDS = "SELECT position, owner, epoch FROM eventstore.subscription WHERE log_id = 1 AND name = $1"


@pytest.mark.parametrize("led", [False, True], ids=["new", "led"])
async def test_nothing_of_a_copy_is_escalated_before_something_happens_to_it(
    api: Api, database: Database, twin: Database, *, tmp_path: Path, led: bool
) -> None:
    made = await lived(api)
    if led:
        async with owner(twin.admin_url) as connection:
            await connection.execute(LED, [NAME, "incident"])
    file = await taken_out(database.app_url, tmp_path / "all")
    count = await taken_in(twin.admin_url, file, passing=(NAME,))
    async with owner(twin.admin_url) as connection:
        stands = await connection.fetchrow(STANDS, NAME)
        assert tuple(stands) == (count, None, 8 if led else 0)
        if led:
            assert tuple(await connection.fetchrow(STANDS, "incident")) == (0, "a worker", 7)
    for one in (database, twin):
        await worked_off(one.app_url)
    assert await rows(twin.admin_url, WAITING) == []
    assert await rows(database.admin_url, WAITING) != []
    assert await rows(twin.admin_url, "incidents.incident") == await rows(
        database.admin_url, "incidents.incident"
    )
    async with on_duty(twin.app_url) as duty:
        duty.clock.forward(1_000_000 * MINUTE)
        assert (await duty.sweep()).claimed == 0

    async with serving(twin.app_url) as there:
        body = {"priority": "high", "note": "It is worse than that."}
        changed = await there.post(f"/incident/{made['held']}/priority", json=body)
        fresh = await there.post("/incident", json={"title": "Another", "priority": "critical"})
    assert (changed.is_success, fresh.is_success) == (True, True), changed.text
    await worked_off(twin.app_url)
    waiting = {row["incident_id"] for row in await rows(twin.admin_url, WAITING)}
    assert waiting == {made["held"], fresh.json()["id"]}
