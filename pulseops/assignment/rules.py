"""Whose it is: routes to teams, and a team for what no route knows. Pure."""

from msgspec import Struct

from pulseops.incidents.commands import Assign
from pulseops.incidents.events import Decision
from pulseops.incidents.incident import Incident
from pulseops.incidents.selector import Selector


class Team(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who answers, and for what."""

    name: str
    description: str = ""


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The incidents that `when` selects go to `team`."""

    name: str
    when: Selector = Selector()
    team: str


class AssignmentRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first route that matches decides. What none matches goes to the team `otherwise`."""

    version: str
    teams: tuple[Team, ...]
    routes: tuple[Route, ...] = ()
    otherwise: str


def assign(incident: Incident, rules: AssignmentRules) -> Assign:
    """The team for an incident that has just been classified, with the reason."""
    for route in rules.routes:
        reason = route.when.reason(
            priority=incident.priority,
            category=incident.category,
            source=incident.source,
            service=incident.service,
            environment=incident.environment,
            labels=incident.labels,
        )
        if reason is not None:
            why = f"The route {route.name} leads to {route.team}: {reason or 'it is for every incident'}."
            return _to(route.team, f"routes.{route.name}", why, rules)
    why = f"No route is for it (its category is {incident.category}), so {rules.otherwise} sorts it."
    return _to(rules.otherwise, "otherwise", why, rules)


def _to(team: str, rule: str, why: str, rules: AssignmentRules) -> Assign:
    return Assign(
        team=team, decision=Decision(decided_by="rules", rule=rule, rules_version=rules.version, why=why)
    )
