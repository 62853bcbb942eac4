"""Who hears next, and when: the pure half of escalation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pulseops.escalation.rules import (
    Asked,
    EscalationRules,
    Plan,
    Policy,
    Step,
    decision_for,
    next_step,
    plan_for,
)
from pulseops.incidents.selector import Selector
from pulseops.kernel.durations import duration_text, parse_duration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = EscalationRules(
    version="v7",
    policies=(
        Policy(
            name="checkout",
            when=Selector(service=("checkout*",), environment=("production",)),
            steps=(Step(after=MINUTE, to="checkout lead"),),
        ),
        Policy(
            name="critical",
            when=Selector(priority=("critical",)),
            steps=(
                Step(after=5 * MINUTE, to="{team} second on call"),
                Step(after=5 * MINUTE, to="{team} lead"),
                Step(after=10 * MINUTE, to="head of engineering"),
            ),
        ),
    ),
)


def plan(**facts: Any) -> Plan | None:
    return plan_for(RULES, Asked(**({"team": "database"} | facts)))


def the_plan(**facts: Any) -> Plan:
    made = plan(**facts)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("facts", "policy"),
    [
        ({"priority": "critical"}, "critical"),
        ({"priority": "high"}, None),
        ({"priority": "low", "service": "checkout-web", "environment": "production"}, "checkout"),
        ({"priority": "low", "service": "Checkout-Web", "environment": "PRODUCTION"}, "checkout"),
        ({"priority": "low", "service": "checkout-web", "environment": "staging"}, None),
        ({"priority": "low", "service": "checkout-web"}, None),
        ({"priority": "critical", "service": "checkout-web", "environment": "production"}, "checkout"),
        ({}, None),
    ],
)
def test_the_first_policy_that_matches_makes_the_plan(facts: dict[str, Any], policy: str | None) -> None:
    made = plan(**facts)
    assert (made and made.policy) == policy


def test_a_plan_names_its_policy_its_version_and_why_and_speaks_of_the_team() -> None:
    made = the_plan(priority="critical")
    assert (made.policy, made.rules_version, made.why) == ("critical", "v7", "priority is critical")
    assert [step.to for step in made.steps] == [
        "database second on call",
        "database lead",
        "head of engineering",
    ]


def test_a_plan_survives_being_stored_as_json() -> None:
    made = the_plan(priority="critical")
    assert msgspec.json.decode(msgspec.json.encode(made), type=Plan) == made


def test_levels_follow_each_other_until_the_last() -> None:
    made = the_plan(priority="critical")
    first = next_step(made, fired=0, due=NOON, now=NOON)
    assert first is not None
    assert (first.level, first.to, first.at) == (1, "database second on call", NOON + 5 * MINUTE)
    second = next_step(made, fired=1, due=first.at, now=first.at)
    assert second is not None
    assert (second.level, second.at) == (2, NOON + 10 * MINUTE)
    assert next_step(made, fired=3, due=NOON, now=NOON) is None


@given(late=st.timedeltas(min_value=timedelta(days=-2), max_value=timedelta(days=2)))
def test_time_spent_down_is_not_made_up_for_by_a_burst(late: timedelta) -> None:
    following = next_step(the_plan(priority="critical"), fired=1, due=NOON, now=NOON + late)
    assert following is not None
    assert following.at == max(NOON, NOON + late) + 5 * MINUTE


def test_the_decision_tells_a_responder_why_it_reached_this_level() -> None:
    made = the_plan(priority="critical")
    assert decision_for(made, 1).why == (
        "Nobody acknowledged it within 5m of its assignment, and priority is critical: "
        "level 1 of 3 is database second on call."
    )
    third = decision_for(made, 3)
    assert (third.rule, third.rules_version, third.decided_by) == ("policies.critical", "v7", "rules")
    assert third.why.startswith("Nobody acknowledged it within 10m of reaching database lead, and")


def test_steps_are_gone_through_again_and_levels_go_on_counting() -> None:
    made = replace(the_plan(priority="critical"), repeat=2)
    assert made.levels == 9
    fourth = next_step(made, fired=3, due=NOON, now=NOON)
    assert fourth is not None
    assert (fourth.level, fourth.to, fourth.at) == (4, "database second on call", NOON + 5 * MINUTE)
    assert next_step(made, fired=9, due=NOON, now=NOON) is None
    assert decision_for(made, 4).why.endswith("level 4 of 9 is database second on call (round 2 of 3)."), (
        "says which round"
    )


@pytest.mark.parametrize(
    "begun", ["ASSIGNED", "UNACKNOWLEDGED", "UNSNOOZED", "REOPENED", "SPLIT", "PRIORITY_CHANGED"]
)
def test_a_plan_knows_what_its_wait_began_with(begun: str) -> None:
    made = plan_for(RULES, Asked(priority="critical", team="database"), begun=begun)
    assert made is not None
    assert decision_for(made, 1).why.startswith("Nobody acknowledged it within 5m of ")


def test_a_plan_of_the_release_before_still_reads() -> None:
    stored = b'{"policy":"p","rules_version":"1","why":"w","steps":[{"after":"PT300S","to":"lead"}]}'
    made = msgspec.json.decode(stored, type=Plan)
    assert (made.levels, made.begun, made.resolve_after) == (1, "ASSIGNED", None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5_400), ("2d", 172_800), ("1d1s", 86_401)]
)
def test_durations_are_read_as_operators_write_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5m", "5m1h", "0s", "1.5h", "5min", "\u0665m"])
def test_a_bad_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"like 90s, 5m or 1h30m|shortest duration is 1s"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=9_999)))
def test_a_written_duration_reads_back_to_the_second(span: timedelta) -> None:
    whole = timedelta(seconds=int(span.total_seconds()))
    assert parse_duration(duration_text(span)) == whole
