"""Who hears next when nobody answers, and when: policies, and the plan that one makes for one incident. Pure.

A plan is pinned when a wait begins: a policy changed later does not touch incidents that wait already.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from pulseops.incidents.events import Decision, Priority
from pulseops.incidents.selector import Selector
from pulseops.kernel.durations import duration_text


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wait `after`, then tell `to`. Counted from the beginning of the wait, or from the step before."""

    after: timedelta
    to: str


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{team}` in a step's `to` stands for the team that the incident is assigned to.

    The steps are gone through once, and `repeat` times again. An acknowledgement holds for
    `unacknowledge_after`; an incident that nobody touches for `resolve_after` is over. Without them both are
    for good.
    """

    name: str
    when: Selector = Selector()
    steps: tuple[Step, ...]
    repeat: int = 0
    unacknowledge_after: timedelta | None = None
    resolve_after: timedelta | None = None


class EscalationRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first policy that matches makes the plan; without one, the incident never escalates."""

    version: str
    policies: tuple[Policy, ...] = ()


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One incident's escalation, complete in itself: it is stored with the deadline.

    `begun` is the type of the fact that the wait began with.
    """

    policy: str
    rules_version: str
    why: str
    steps: tuple[Step, ...]
    repeat: int = 0
    unacknowledge_after: timedelta | None = None
    resolve_after: timedelta | None = None
    begun: str = "ASSIGNED"

    @property
    def levels(self) -> int:
        """How many levels there are, all rounds together."""
        return len(self.steps) * (1 + self.repeat)

    def step(self, level: int) -> Step:
        """What is done at `level`, from 1."""
        return self.steps[(level - 1) % len(self.steps)]


class Due(Struct, frozen=True, kw_only=True):
    """The step that comes next. `level` counts from 1."""

    level: int
    to: str
    at: datetime


class Asked(Struct, frozen=True, kw_only=True):
    """What policies are asked about."""

    priority: Priority | None = None
    category: str | None = None
    team: str | None = None
    service: str | None = None
    environment: str | None = None


def plan_for(rules: EscalationRules, asked: Asked, *, begun: str = "ASSIGNED") -> Plan | None:
    """The plan of the first policy about such an incident; None when it is not to be escalated."""
    for policy in rules.policies:
        reason = policy.when.reason(
            priority=asked.priority,
            category=asked.category,
            team=asked.team,
            service=asked.service,
            environment=asked.environment,
        )
        if reason is not None:
            return Plan(
                policy=policy.name,
                rules_version=rules.version,
                why=reason or "the policy is for every incident",
                steps=tuple(
                    Step(after=step.after, to=step.to.replace("{team}", asked.team or "triage"))
                    for step in policy.steps
                ),
                repeat=policy.repeat,
                unacknowledge_after=policy.unacknowledge_after,
                resolve_after=policy.resolve_after,
                begun=begun,
            )
    return None


def next_step(plan: Plan, *, fired: int, due: datetime, now: datetime) -> Due | None:
    """What follows level `fired`, which was due at `due` and fired at `now`; None after the last.

    Level 0 is the beginning of the wait: its `due` and `now` are the instant the fact was recorded. Counted
    from the later of the two instants, so that time spent down is not made up for by a burst.
    """
    if fired >= plan.levels:
        return None
    step = plan.step(fired + 1)
    return Due(level=fired + 1, to=step.to, at=max(now, due) + step.after)


_SINCE = {
    "ASSIGNED": "its assignment",
    "UNACKNOWLEDGED": "being left again",
    "UNSNOOZED": "the end of its snooze",
    "REOPENED": "being opened again",
    "SPLIT": "being split off",
    "PRIORITY_CHANGED": "its change of priority",
}


def decision_for(plan: Plan, level: int) -> Decision:
    """Why level `level` hears of it, in words for a responder."""
    step = plan.step(level)
    since = _SINCE[plan.begun] if level == 1 else f"reaching {plan.step(level - 1).to}"
    return _decision(
        plan,
        f"Nobody acknowledged it within {duration_text(step.after)} of {since}, and {plan.why}: "
        f"{named(plan, level)}.",
    )


def named(plan: Plan, level: int) -> str:
    """`level 4 of 6 is lead (round 2 of 2)`, in words for a responder."""
    turn = (level - 1) // len(plan.steps) + 1
    again = f" (round {turn} of {1 + plan.repeat})" if plan.repeat else ""
    return f"level {level} of {plan.levels} is {plan.step(level).to}{again}"


def lapse_of_acknowledgement(plan: Plan, by: str) -> Decision:
    """Why an acknowledgement does not hold any longer."""
    after = duration_text(plan.unacknowledge_after or timedelta())
    return _decision(plan, f"{by} acknowledged it, and it was not resolved within {after}; {plan.why}.")


def lapse_of_incident(plan: Plan) -> Decision:
    """Why an incident is over by itself."""
    after = duration_text(plan.resolve_after or timedelta())
    return _decision(plan, f"Nobody touched it for {after}, and {plan.why}.")


def lapse_of_snooze(until: datetime, by: str) -> Decision:
    """Why an incident is awake again. No rule says so, a person did."""
    return Decision(
        decided_by="clock",
        rule="snooze",
        rules_version="",
        why=f"{by} snoozed it until {until:%Y-%m-%d %H:%M %Z}, and the time is up.",
    )


def _decision(plan: Plan, why: str) -> Decision:
    return Decision(
        decided_by="rules", rule=f"policies.{plan.policy}", rules_version=plan.rules_version, why=why
    )
