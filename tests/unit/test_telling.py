"""Every fact in a sentence, and its reasons: what a reader of the timeline is told."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from pulseops.incidents.events import (
    FACTS,
    Absorbed,
    Acknowledged,
    Assigned,
    CategoryChanged,
    Classified,
    Commented,
    Created,
    Decision,
    Edited,
    Escalated,
    ImpactDeclared,
    IncidentFact,
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
from pulseops.incidents.telling import reason, sentence, tell

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
WHY = Decision(
    decided_by="rules", rule="disks", rules_version="v1", why="It says disk.", evidence=("title: disk",)
)
BECAUSE = "It says disk (rule disks of v1, on title: disk)"
BY_HAND = Decision(decided_by="key:ada", rule="manual", rules_version="", why="Somebody said so.")
OTHER = UUID(int=7)
ASKED = Escalated(level=2, to="lead", policy="p", due_at=WHEN, late_by=0.0, decision=WHY, note="More hands.")
LATE = Escalated(level=1, to="on-call", policy="p", due_at=WHEN, late_by=90.0, decision=WHY)

TOLD: list[tuple[IncidentFact, str, tuple[str, ...]]] = [
    (Created(title="Slow"), "Reported by key:ada.", ()),
    (
        Created(title="Slow", source="webhook", service="db", environment="production", priority="high"),
        "Reported by key:ada through webhook, for db in production; reported as high.",
        (),
    ),
    (
        Classified(priority="high", category="storage", priority_decision=WHY, category_decision=WHY),
        "Classified as high · storage.",
        (f"high: {BECAUSE}", f"storage: {BECAUSE}"),
    ),
    (Assigned(team="storage", decision=WHY), "Assigned to team storage.", (BECAUSE,)),
    (
        Assigned(team="storage", responder="grace", decision=BY_HAND, note="She knows."),
        "Assigned to team storage, grace, by key:ada.",
        ("“She knows.”",),
    ),
    (Acknowledged(), "Acknowledged by key:ada.", ()),
    (Acknowledged(note="On it."), "Acknowledged by key:ada.", ("“On it.”",)),
    (Unacknowledged(note="Home."), "No longer acknowledged, by key:ada.", ("“Home.”",)),
    (Unacknowledged(decision=WHY), "No longer acknowledged, by key:ada.", (BECAUSE,)),
    (Snoozed(until=WHEN), "Snoozed until 2026-03-01 12:30 UTC, by key:ada.", ()),
    (Unsnoozed(decision=WHY, note="Up."), "Awake again, by key:ada.", (BECAUSE, "“Up.”")),
    (LATE, "Escalated to on-call (level 1, 1 min 30 s late).", (BECAUSE,)),
    (ASKED, "Escalated to lead (level 2).", (BECAUSE, "“More hands.”")),
    (PriorityChanged(priority="low"), "Priority changed to low, by key:ada.", ()),
    (
        PriorityChanged(priority="low", was="high", correction=True, note="A test."),
        "Priority corrected to low instead of high, by key:ada.",
        ("“A test.”",),
    ),
    (
        CategoryChanged(category="web", was="storage"),
        "Category changed to web instead of storage, by key:ada.",
        (),
    ),
    (Edited(title="Slower", labels={}), "Edited by key:ada: title, labels.", ()),
    (Edited(description="", note="Wrong."), "Edited by key:ada: description.", ("“Wrong.”",)),
    (Commented(text="Look at db-1."), "Comment by key:ada.", ("“Look at db-1.”",)),
    (Linked(incident=OTHER), f"Linked to incident {OTHER}, by key:ada.", ()),
    (
        Linked(incident=OTHER, relation="causes", note="Same rack."),
        f"Linked as the cause of incident {OTHER}, by key:ada.",
        ("“Same rack.”",),
    ),
    (
        Linked(url="https://a.example/b", title="What to do", relation="caused_by"),
        "Linked as caused by https://a.example/b (What to do), by key:ada.",
        (),
    ),
    (Merged(into=OTHER, note="Same."), f"Merged into {OTHER}, by key:ada.", ("“Same.”",)),
    (Absorbed(incident=OTHER), f"Took in {OTHER}, by key:ada.", ()),
    (Split(origin=OTHER), f"Split from {OTHER}, by key:ada.", ()),
    (Released(incident=OTHER), f"Let go of {OTHER}, by key:ada.", ()),
    (
        ImpactDeclared(services=("checkout", "cart"), customers=1200),
        "Impact: checkout, cart, 1,200 customers, by key:ada.",
        (),
    ),
    (ImpactDeclared(), "Impact: no service, by key:ada.", ()),
    (Resolved(), "Resolved by key:ada.", ()),
    (
        Resolved(resolution="false_alarm", cause="a test", note="Done.", decision=WHY),
        "Resolved by key:ada as false alarm, because of a test.",
        (BECAUSE, "“Done.”"),
    ),
    (Reopened(note="Again."), "Reopened by key:ada.", ("“Again.”",)),
]


@pytest.mark.parametrize(("fact", "text", "why"), TOLD)
def test_a_fact_is_told_in_a_sentence_with_its_reasons(
    fact: IncidentFact, text: str, why: tuple[str, ...]
) -> None:
    told = tell(fact, "key:ada")
    assert (sentence(fact, told.words), told.why) == (text, why)


def test_every_fact_has_a_sentence() -> None:
    assert {type(fact) for fact, _, _ in TOLD} == set(FACTS)


def test_a_decision_without_words_or_version_is_told_as_far_as_it_goes() -> None:
    assert reason(Decision(decided_by="x", rule="r", rules_version="", why="")) == "no reason given (rule r)"
