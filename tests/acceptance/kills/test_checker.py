"""The checker has teeth: it is content with what is true, and with nothing that is not."""

import asyncio
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import asyncpg

from pulseops.audit import keyfile
from pulseops.audit.notary import Notary
from pulseops.audit.sealing import SEALER
from pulseops.catalog.service import SERVICES
from pulseops.catalog.team import TEAMS
from pulseops.db.clock import DatabaseClock
from pulseops.escalation.rules import EscalationRules, Policy, Step
from pulseops.escalation.sweep import sweep
from pulseops.escalation.timers import deadlines
from pulseops.eventstore.append import AppendRequest, NewEvent
from pulseops.eventstore.wake import Doorbell
from pulseops.incidents.board import BOARD
from pulseops.incidents.events import Escalated
from pulseops.incidents.response import RESPONSES
from pulseops.incidents.selector import Selector
from pulseops.incidents.stint import STINTS
from pulseops.incidents.timeline import TIMELINE
from pulseops.kernel.ids import new_id
from pulseops.publishing.folder import Folder
from pulseops.publishing.publish import publish
from pulseops.rulebook.recording import Recorder
from pulseops.subscriptions.leading import Subscriptions
from pulseops.wiring import CODEC
from tests.conftest import Database
from tests.faults.audited import WATCH, Auditor
from tests.faults.checker import violations
from tests.faults.clockwork import Policies, Terms
from tests.faults.damage import last, unanswered
from tests.faults.history import History
from tests.faults.load import Client, World
from tests.faults.plants import PLANTS
from tests.faults.stored import Stored, read
from tests.integration.appending import append
from tests.serving import Api, serving

_SHORT = timedelta(milliseconds=20)
POLICIES: Policies = {
    "critical": Terms(steps=(_SHORT, _SHORT)),
    "high": Terms(steps=(_SHORT,), repeat=1, unacknowledge_after=_SHORT),
    "medium": Terms(steps=(_SHORT,), unacknowledge_after=_SHORT, resolve_after=2 * _SHORT),
}
RULES = EscalationRules(
    version="plants-1",
    policies=tuple(
        Policy(
            name=priority,
            when=Selector(priority=(priority,)),
            steps=tuple(Step(after=step, to="somebody") for step in terms.steps),
            repeat=terms.repeat,
            unacknowledge_after=terms.unacknowledge_after,
            resolve_after=terms.resolve_after,
        )
        for priority, terms in POLICIES.items()
    ),
)


async def live(api: Api, auditor: Auditor) -> History:
    """A day like any other, worked off to its end."""
    history = History()
    client = Client("plants", [api], World(history), late=lambda: False)
    for _ in range(250):
        await client.act()
    await client.report()
    pool = api.app.state.pool
    led = (BOARD, TIMELINE, RESPONSES, STINTS, deadlines(RULES), TEAMS, SERVICES, SEALER)
    work = Subscriptions(pool, led, owner="test", doorbell=Doorbell(None))
    work.start()
    async with asyncio.timeout(20):
        while await pool.fetchval(_BUSY):
            now = await DatabaseClock(pool).now()
            await sweep(pool, api.app.state.logs(1), CODEC, now=now)
    await work.stop()
    await Notary(pool, auditor.keys).sign()
    await publish(pool, auditor.shelf, auditor.keys.verifiers, log_id=1, log="default")
    return history


_BUSY = """
SELECT EXISTS (SELECT FROM escalation.deadline) OR count(*) < 3
  OR min(position) < (SELECT max(position) FROM eventstore.event)
FROM eventstore.subscription
"""


async def test_it_finds_whatever_is_planted(database: Database, tmp_path: Path) -> None:
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute(WATCH)
    auditor = Auditor(keyfile.make(tmp_path / "audit.key"), Folder(tmp_path))
    async with serving(database.app_url) as api:
        await Recorder(api.app.state.pool, api.app.state.rulebook, "api").record()
        history = await live(api, auditor)
        truth = await read(admin, auditor)
        assert violations(history, truth, policies=POLICIES) == []
        missed = []
        lasting = (*truth.facts, *(shown for order in history.orders for shown in order.told))
        for plant, words in PLANTS.items():
            told, stored = deepcopy((history, truth), {id(one): one for one in lasting})
            plant(told, stored)
            found = violations(told, stored, policies=POLICIES)
            if not any(words in str(violation) for violation in found):
                missed.append((plant.__name__, found))
        assert missed == []

        await escalate_again(api, truth)
        found = violations(history, await read(admin, auditor), policies=POLICIES)
        assert any("to the level 2 after [1, 2]" in str(violation) for violation in found), found

        for statement in _ATTACK:
            await admin.execute(statement)
        found = violations(history, await read(admin, auditor), policies=POLICIES)
        assert any("was acknowledged and is not stored" in str(violation) for violation in found), found
        for words in ("the board says otherwise", "what was signed is not what is", "is not in the register"):
            assert any(words in str(violation) for violation in found), (words, found)
    await admin.close()


_ATTACK = (
    "ALTER TABLE eventstore.event DISABLE TRIGGER ALL",
    "ALTER TABLE eventstore.event_p0000 DISABLE TRIGGER ALL",
    "DELETE FROM eventstore.event WHERE position = (SELECT max(position) FROM eventstore.event)",
    "DELETE FROM eventstore.event WHERE stream_id = (SELECT id FROM incidents.incident LIMIT 1)",
)


async def escalate_again(api: Api, stored: Stored) -> None:
    """As a second scheduler would that knows nothing of the first: a command id of its own."""
    fired = last(stored, Escalated, after=unanswered)
    again = NewEvent(
        type=Escalated.type,
        schema_version=1,
        event_id=new_id(),
        occurred_at=fired.occurred_at,
        data=fired.fact,
        meta=fired.meta,
    )
    request = AppendRequest(
        stream_id=fired.stream_id,
        expected_version=fired.version,
        command_id=new_id(),
        events=(again,),
    )
    async with api.app.state.pool.acquire() as connection:
        assert [answer.verdict for answer in await append(connection, request)] == ["stored"]
