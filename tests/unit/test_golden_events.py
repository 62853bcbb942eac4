"""Events are for ever: every kind of fact that was ever stored still reads as what it meant.

The samples are rows as they lie in the log. They are only added to, never edited: a fact whose shape changes
gets a new schema version, an upcaster and a sample of its own.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pulseops.access.events import (
    AccessDenied,
    AdminActed,
    KeyCreated,
    KeyRevoked,
    KeyRotated,
    UserGranted,
    UserRevoked,
    UserSeen,
)
from pulseops.catalog.events import Link, Member, ServiceDefined, ServiceRetired, TeamDefined, TeamRetired
from pulseops.incidents.events import (
    Absorbed,
    Acknowledged,
    Assigned,
    Candidate,
    CategoryChanged,
    Classified,
    Commented,
    Created,
    Decision,
    Edited,
    Escalated,
    ImpactDeclared,
    Linked,
    Merged,
    PriorityChanged,
    Released,
    Reopened,
    Resolved,
    Snoozed,
    Split,
    Unacknowledged,
    Unsnoozed,
)
from pulseops.kernel.envelope import Fact, Recorded
from pulseops.rulebook.events import RulesApplied
from pulseops.wiring import CODEC, FACTS
from tests.scenario import NOON, STREAM
from tests.unit.golden import SAMPLES


def read(sample: dict[str, Any]) -> Recorded[Any]:
    row = sample | {
        "log_id": 1,
        "position": 1,
        "stream_id": STREAM,
        "version": 1,
        "event_id": STREAM,
        "command_id": STREAM,
        "occurred_at": NOON,
        "recorded_at": NOON,
        "data": msgspec.json.encode(sample["data"]).decode(),
        "meta": msgspec.json.encode(sample["meta"]).decode(),
    }
    return CODEC.decode(row)


def because(rule: str, why: str, **more: Any) -> Decision:
    return Decision(decided_by="rules", rule=rule, rules_version="2026-03-01.1", why=why, **more)


OTHER = UUID("0195523a-7c00-7000-8000-0000000000a1")

MEANT: dict[str, Fact] = {
    "created-1-full": Created(
        title="Disque plein: db-1 à 97 %",
        description="/var is full.\nSince 10:02.",
        source="monitoring",
        service="orders-db",
        environment="production",
        labels={"host": "db-1", "région": "eu-west"},
        priority="high",
        dedup_key="db-1/disk",
    ),
    "created-1-least": Created(title="Something is off", description="", source="user", labels={}),
    "classified-1-full": Classified(
        priority="critical",
        category="storage",
        priority_decision=because(
            "outage-words", "The title says 'full'.", evidence=("title: full",), confidence=0.9
        ),
        category_decision=because(
            "storage-words",
            "'Disk' is a word of storage.",
            evidence=("title: disk", "description: /var"),
            confidence=0.75,
            candidates=(Candidate("storage", 0.6), Candidate("database", 0.25)),
        ),
    ),
    "classified-1-least": Classified(
        priority="medium",
        category="uncategorized",
        priority_decision=because("default", "No rule fired."),
        category_decision=because("default", "No rule fired."),
    ),
    "assigned-1": Assigned(team="storage", decision=because("storage", "Category storage belongs to them.")),
    "acknowledged-1-full": Acknowledged(note="On it."),
    "acknowledged-1-least": Acknowledged(note=""),
    "escalated-1": Escalated(
        level=2,
        to="storage-lead",
        policy="critical",
        due_at=datetime(2026, 3, 1, 12, 10, tzinfo=UTC),
        late_by=0.417,
        decision=because("critical", "Nobody answered within 5 minutes."),
    ),
    "resolved-1-full": Resolved(note="Freed 40 GB."),
    "resolved-1-least": Resolved(note=""),
    "assigned-1-person": Assigned(
        team="storage",
        responder="ada",
        decision=because("manual", "She knows the array."),
        note="She knows the array.",
    ),
    "escalated-1-asked": Escalated(
        level=3,
        to="storage-head",
        policy="critical",
        due_at=datetime(2026, 3, 1, 12, 10, tzinfo=UTC),
        late_by=0.0,
        decision=because("manual", "Somebody asked for it."),
        note="We need more hands.",
    ),
    "unacknowledged-1-full": Unacknowledged(
        note="My shift ends.", decision=because("acknowledgement", "Nothing was heard for 4 h.")
    ),
    "unacknowledged-1-least": Unacknowledged(),
    "snoozed-1-full": Snoozed(until=datetime(2026, 3, 2, 8, 0, tzinfo=UTC), note="After the backup."),
    "snoozed-1-least": Snoozed(until=datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)),
    "unsnoozed-1-full": Unsnoozed(note="It grows.", decision=because("snooze", "The time was up.")),
    "unsnoozed-1-least": Unsnoozed(),
    "priority_changed-1-full": PriorityChanged(
        priority="low", was="critical", correction=True, note="A test host."
    ),
    "priority_changed-1-least": PriorityChanged(priority="high"),
    "category_changed-1-full": CategoryChanged(
        category="database", was="storage", correction=True, note="The index, not the disk."
    ),
    "category_changed-1-least": CategoryChanged(category="network"),
    "edited-1-full": Edited(
        title="Disque plein: db-1 à 99 %",
        description="/var is full, and /tmp.",
        labels={"host": "db-1"},
        note="It grew.",
    ),
    "edited-1-least": Edited(labels={}),
    "commented-1": Commented(text="The backup of 10:00 wrote 40 GB."),
    "linked-1-full": Linked(incident=OTHER, title="The switch", relation="caused_by", note="Same rack."),
    "linked-1-page": Linked(url="https://wiki.example.com/disks", title="What to do"),
    "linked-1-least": Linked(incident=OTHER),
    "merged-1-full": Merged(into=OTHER, note="The same disk."),
    "merged-1-least": Merged(into=OTHER),
    "absorbed-1-full": Absorbed(incident=OTHER, note="The same disk."),
    "absorbed-1-least": Absorbed(incident=OTHER),
    "split-1-full": Split(origin=OTHER, note="Another disk."),
    "split-1-least": Split(origin=OTHER),
    "released-1-full": Released(incident=OTHER, note="Another disk."),
    "released-1-least": Released(incident=OTHER),
    "impact_declared-1-full": ImpactDeclared(
        services=("checkout", "café"), customers=1200, note="By the number of errors."
    ),
    "impact_declared-1-least": ImpactDeclared(),
    "resolved-1-decided": Resolved(
        resolution="timed_out",
        cause="a runaway log",
        decision=because("autoresolve", "Nobody touched it for 14 d."),
    ),
    "reopened-1-full": Reopened(note="Full again."),
    "reopened-1-least": Reopened(),
    "key.created-1-full": KeyCreated(
        key_id="0123456789ab",
        name="grafana",
        role="ingest",
        origin="10.0.0.7",
        teams=("payments",),
        source="grafana",
        rate=50,
        expires_at=datetime(2027, 3, 1, tzinfo=UTC),
    ),
    "key.rotated-1-full": KeyRotated(
        key_id="0123456789ab",
        name="grafana",
        role="ingest",
        origin="cli",
        overlap_until=datetime(2026, 3, 2, tzinfo=UTC),
        teams=("payments",),
        expires_at=datetime(2027, 3, 1, tzinfo=UTC),
    ),
    "key.revoked-1-full": KeyRevoked(
        key_id="0123456789ab",
        name="grafana",
        role="ingest",
        origin="10.0.0.7",
        teams=("payments",),
        expires_at=datetime(2027, 3, 1, tzinfo=UTC),
    ),
    "user.seen-1-full": UserSeen(
        name="ada@example.com",
        issuer="https://login.example.com",
        subject="248289761001",
        origin="browser",
        role="responder",
        teams=("payments",),
    ),
    "user.seen-1-least": UserSeen(
        name="ada@example.com", issuer="https://login.example.com", subject="248289761001", origin="token"
    ),
    "user.granted-1-full": UserGranted(
        name="ada@example.com", role="manager", origin="10.0.0.7", teams=("payments",), new_subject=True
    ),
    "user.granted-1-least": UserGranted(name="ada@example.com", role="viewer", origin="10.0.0.7"),
    "user.revoked-1-full": UserRevoked(name="ada@example.com", origin="10.0.0.7"),
    "access.denied-1-full": AccessDenied(
        who="key:grafana",
        code="forbidden",
        first_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        last_at=datetime(2026, 3, 1, 12, 0, 9, tzinfo=UTC),
        count=40,
        key_id="0123456789ab",
        method="DELETE",
        path="/keys/{key_id}",
        action="keys.write",
        origin="10.0.0.7",
    ),
    "admin.acted-1-full": AdminActed(
        who="key:admin",
        action="keys.write",
        subject="key:0123456789ab create",
        origin="10.0.0.7",
        key_id="ba9876543210",
        method="POST",
        path="/keys",
    ),
    "admin.acted-1-subscription": AdminActed(
        who="key:admin",
        action="subscriptions.operate",
        subject="subscription:deadline park 019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f",
        origin="10.0.0.7",
        stream_ids=(UUID("019a6f2e-5c1b-7d3e-9f00-3b7c2a1d4e5f"),),
        from_position=1042,
    ),
    "rules.applied-1-full": RulesApplied(
        sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        process="api",
        classification={"version": "default-1", "otherwise": "medium", "threshold": 0.4},
        assignment={
            "version": "acme-7+default-1",
            "teams": [{"name": "ops", "description": "Whatever is nobody else's."}],
            "routes": [{"name": "all", "team": "ops"}],
            "otherwise": "ops",
        },
        escalation={
            "version": "default-1",
            "policies": [
                {
                    "name": "high",
                    "when": {"priority": ["high"]},
                    "steps": [{"after": "15m", "to": "{team} on call"}],
                    "repeat": 0,
                }
            ],
        },
        text="assignment:\n  version: acme-7\n",
    ),
    "rules.applied-1-least": RulesApplied(
        sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        process="worker",
        classification={"version": "default-1"},
        assignment={"version": "default-1"},
        escalation={"version": "default-1"},
    ),
    "team.defined-1-full": TeamDefined(
        name="payments",
        display_name="Payments",
        description="Takes the money.",
        lead="ada",
        email="payments@example.com",
        chat="https://chat.example.com/payments",
        members=(Member(name="ada", role="lead"), Member(name="grace")),
        runbooks=(Link(title="Payments fail", url="https://wiki.example.com/payments"),),
        links=(Link(title="Wiki", url="https://wiki.example.com/team"),),
        note="Founded.",
    ),
    "team.defined-1-least": TeamDefined(name="payments"),
    "team.retired-1": TeamRetired(name="payments", note="Merged with billing."),
    "service.defined-1-full": ServiceDefined(
        name="checkout",
        team="payments",
        display_name="Checkout",
        description="Sells.",
        tier=1,
        repository="https://git.example.com/checkout",
        runbooks=(Link(title="5xx", url="https://wiki.example.com/checkout"),),
        dashboards=(Link(title="Traffic", url="https://graphs.example.com/checkout"),),
        links=(Link(title="Design", url="https://wiki.example.com/design"),),
        labels={"language": "python"},
        environments=("production", "staging"),
        note="Found in the wild.",
    ),
    "service.defined-1-least": ServiceDefined(name="checkout", team="payments"),
    "service.retired-1": ServiceRetired(name="checkout", note="Replaced by till."),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_stored_fact_still_means_what_it_meant(name: str) -> None:
    recorded = read(SAMPLES[name])
    assert recorded.fact == MEANT[name]
    assert recorded.meta.actor == SAMPLES[name]["meta"]["actor"]
    assert recorded.meta.correlation_id == UUID(SAMPLES[name]["meta"]["correlationId"])
    assert str(recorded.meta.causation_id or "") == SAMPLES[name]["meta"].get("causationId", "")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_fact_of_the_current_schema_is_stored_as_its_sample_shows(name: str) -> None:
    sample = SAMPLES[name]
    recorded = read(sample)
    if sample["schema_version"] == recorded.fact.schema_version:
        assert msgspec.json.decode(msgspec.json.encode(recorded.fact)) == sample["data"]
        assert msgspec.json.decode(msgspec.json.encode(recorded.meta)) == sample["meta"]


def test_every_kind_of_fact_has_a_sample_of_every_schema() -> None:
    sampled = {(sample["type"], sample["schema_version"]) for sample in SAMPLES.values()}
    assert sampled >= {
        (fact.type, version) for fact in FACTS for version in range(1, fact.schema_version + 1)
    }
    assert SAMPLES.keys() == MEANT.keys()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.type)
def test_some_sample_has_each_field_of_a_fact(fact: type[Fact]) -> None:
    samples = [
        sample
        for sample in SAMPLES.values()
        if (sample["type"], sample["schema_version"]) == (fact.type, fact.schema_version)
    ]
    assert {name for sample in samples for name in sample["data"]} == set(fact.__struct_encode_fields__)


def test_a_fact_from_a_later_release_with_one_more_field_is_still_read() -> None:
    sample = SAMPLES["resolved-1-full"]
    later = sample | {"data": sample["data"] | {"lesson": "logs"}}
    assert read(later).fact == Resolved(note="Freed 40 GB.")
