"""Whose it is."""

from typing import Any

import pytest

from pulseops.assignment.reactor import react
from pulseops.assignment.rules import AssignmentRules, Route, Team, assign
from pulseops.incidents.events import Classified, Created, Decision, Priority
from pulseops.incidents.incident import Incident
from pulseops.incidents.selector import Selector
from pulseops.rulebook.loader import load_rulebook
from tests.unit.facts import incident_of, recorded

BOOK = load_rulebook()
OWN = AssignmentRules(
    version="acme-1",
    teams=(Team(name="blue"), Team(name="red"), Team(name="front desk")),
    routes=(
        Route(
            name="urgent-shop", when=Selector(service=("shop-*",), priority=("critical", "high")), team="red"
        ),
        Route(name="shop", when=Selector(service=("shop-*",)), team="blue"),
        Route(
            name="eu", when=Selector(labels={"region": ("eu-*",)}, environment=("production",)), team="red"
        ),
    ),
    otherwise="front desk",
)


def classified(category: str, *, priority: Priority = "medium", **fields: Any) -> Incident:
    decision = Decision(decided_by="rules", rule="test", rules_version="1", why="Because.")
    return incident_of(
        recorded(Created(title="Something", **fields)),
        recorded(
            Classified(
                priority=priority, category=category, priority_decision=decision, category_decision=decision
            ),
            version=2,
        ),
    )


@pytest.mark.parametrize("category", sorted(BOOK.classification.rules.categories))
def test_every_category_has_a_team_of_its_own(category: str) -> None:
    command = assign(classified(category), BOOK.assignment)
    assert command.team in {team.name for team in BOOK.assignment.teams} - {"triage"}
    assert command.decision.rule.startswith("routes.")


def test_what_is_uncategorized_goes_to_triage() -> None:
    command = assign(classified("uncategorized"), BOOK.assignment)
    assert command.team == "triage"
    assert command.decision.rule == "otherwise"
    assert command.decision.why == "No route is for it (its category is uncategorized), so triage sorts it."


@pytest.mark.parametrize(
    ("fields", "team", "rule"),
    [
        ({"service": "shop-web", "priority": "critical"}, "red", "routes.urgent-shop"),
        ({"service": "shop-web", "priority": "low"}, "blue", "routes.shop"),
        ({"service": "shop", "priority": "critical"}, "front desk", "otherwise"),
        ({"labels": {"region": "EU-West"}, "environment": "Production"}, "red", "routes.eu"),
        ({"labels": {"region": "eu-west"}}, "front desk", "otherwise"),
        ({"labels": {"region": "us"}, "environment": "production"}, "front desk", "otherwise"),
    ],
)
def test_the_first_route_that_matches_decides(fields: dict[str, Any], team: str, rule: str) -> None:
    command = assign(classified("database", **fields), OWN)
    assert (command.team, command.decision.rule) == (team, rule)


def test_the_decision_cites_version_route_and_reason() -> None:
    decision = assign(classified("database", service="shop-web"), OWN).decision
    assert (decision.decided_by, decision.rules_version) == ("rules", "acme-1")
    assert decision.why == "The route shop leads to blue: service is shop-web."


def test_a_classified_incident_is_assigned_and_nothing_else_is() -> None:
    incident = classified("database")
    created = recorded(Created(title="Something"))
    decision = Decision(decided_by="rules", rule="test", rules_version="1", why="Because.")
    fact = Classified(
        priority="high", category="database", priority_decision=decision, category_decision=decision
    )
    (command,) = react(recorded(fact, version=2), incident, rules=BOOK.assignment)
    assert command.team == "database"
    assert react(created, incident, rules=BOOK.assignment) == []
