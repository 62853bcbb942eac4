"""Down to an older schema and up again, with data that was worked with: nothing is missing afterwards."""

from typing import Any

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from pulseops.audit.sealing import SEALER
from pulseops.db.migrate import migrate, unmigrate
from pulseops.db.schema import migrations_folder
from pulseops.escalation.timers import deadlines
from pulseops.eventstore.wake import Doorbell
from pulseops.subscriptions.leading import Subscriptions
from pulseops.subscriptions.positions import wait_for
from tests.conftest import Database
from tests.integration.duty import MINUTE, RULES, Duty, on_duty
from tests.integration.following import begin, running
from tests.integration.rebuilding import MODELS, rebuilt, rows
from tests.integration.schemas import schema
from tests.integration.sealing import root_of_history, root_of_tree

PROJECTORS = (*(model.projector for model in MODELS), deadlines(RULES), SEALER)
REVISIONS = [
    script.revision for script in ScriptDirectory(str(migrations_folder())).walk_revisions() if script.nextrev
]
"""All but the newest."""


async def worked_off(duty: Duty) -> dict[str, Any]:
    """What everybody reads, once workers have come to the end of the log."""
    head = await duty.history.head()
    worker = Subscriptions(duty.pool, PROJECTORS, owner="a", doorbell=Doorbell(), lease=0.8)
    async with running(worker):
        for projector in PROJECTORS:
            await wait_for(duty.pool, projector.name, head, within=10)
        worker.end()
    found = {model.name: await rows(duty.pool, model.name) for model in MODELS}
    async with duty.pool.acquire() as connection:
        root = await root_of_tree(connection, head)
        assert root == await root_of_history(connection, head)
    return found | {"deadlines": await duty.deadlines(), "root": root}


@pytest.mark.parametrize("revision", REVISIONS)
async def test_gone_back_and_up_again_everything_that_is_derived_is_whole(
    database: Database, admin: asyncpg.Connection, revision: str
) -> None:
    async with on_duty(database.app_url) as duty:
        incidents = [await duty.report("critical") for _ in range(3)]
        await worked_off(duty)
        for model in MODELS:
            assert (await rebuilt(database.app_url, model)).generation == 2
        before = await worked_off(duty)
    assert before["deadlines"].keys() == set(incidents)

    await unmigrate(database.admin_url, revision=revision)
    await begin(admin, "a new one")
    await admin.execute("DELETE FROM eventstore.subscription WHERE name = 'a new one'")
    await migrate(database.admin_url)

    async with on_duty(database.app_url) as duty:
        assert await worked_off(duty) == before
        incidents.append(await duty.report("critical"))
        after = await worked_off(duty)
        assert {row["id"] for row in after["incident"]} == {str(one) for one in incidents}
        assert len(after["timeline"]) == await duty.history.head()
        duty.clock.forward(6 * MINUTE)
        assert {one.incident_id for one in (await duty.sweep()).fired} == set(incidents)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_gone_back_and_up_again_the_schema_is_as_it_was(database: Database, revision: str) -> None:
    before = await schema(database.admin_url)
    await unmigrate(database.admin_url, revision=revision)
    await migrate(database.admin_url)
    assert await schema(database.admin_url) == before
