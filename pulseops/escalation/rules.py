"""Who hears next when nobody answers, and when: policies, and the plan that one makes for one incident. Pure.

A plan is pinned when the incident is assigned: a policy changed later does not touch open incidents.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from pulseops.incidents.events import Decision, Priority
from pulseops.incidents.selector import Selector
from pulseops.kernel.durations import duration_text


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wait `after`, then tell `to`. The wait begins at the assignment, or when the step before was taken."""

    after: timedelta
    to: str


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{team}` in a step's `to` stands for the team that the incident is assigned to."""

    name: str
    when: Selector = Selector()
    steps: tuple[Step, ...]


class EscalationRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first policy that matches makes the plan; without one, the incident never escalates."""

    version: str
    policies: tuple[Policy, ...] = ()


class Plan(Struct, frozen=True, kw_only=True):
    """One incident's escalation, complete in itself: it is stored with the deadline."""

    policy: str
    rules_version: str
    why: str
    steps: tuple[Step, ...]


class Due(Struct, frozen=True, kw_only=True):
    """The step that comes next. `level` counts from 1."""

    level: int
    to: str
    at: datetime


def plan_for(
    rules: EscalationRules,
    *,
    priority: Priority | None,
    category: str | None,
    team: str | None,
    service: str | None,
    environment: str | None,
) -> Plan | None:
    """The plan of the first policy about such an incident; None when it is not to be escalated."""
    for policy in rules.policies:
        reason = policy.when.reason(
            priority=priority, category=category, team=team, service=service, environment=environment
        )
        if reason is not None:
            return Plan(
                policy=policy.name,
                rules_version=rules.version,
                why=reason or "the policy is for every incident",
                steps=tuple(
                    Step(after=step.after, to=step.to.replace("{team}", team or "triage"))
                    for step in policy.steps
                ),
            )
    return None


def next_step(plan: Plan, *, fired: int, due: datetime, now: datetime) -> Due | None:
    """What follows level `fired`, which was due at `due` and fired at `now`; None after the last.

    Level 0 is the assignment itself: its `due` and `now` are the instant the fact was recorded. Counted from
    the later of the two instants, so that time spent down is not made up for by a burst.
    """
    if fired >= len(plan.steps):
        return None
    step = plan.steps[fired]
    return Due(level=fired + 1, to=step.to, at=max(now, due) + step.after)


def decision_for(plan: Plan, level: int) -> Decision:
    """Why level `level` hears of it, in words for a responder."""
    step = plan.steps[level - 1]
    since = "its assignment" if level == 1 else f"reaching {plan.steps[level - 2].to}"
    return Decision(
        decided_by="rules",
        rule=f"policies.{plan.policy}",
        rules_version=plan.rules_version,
        why=(
            f"Nobody acknowledged it within {duration_text(step.after)} of {since}, and {plan.why}: "
            f"level {level} of {len(plan.steps)} is {step.to}."
        ),
    )
