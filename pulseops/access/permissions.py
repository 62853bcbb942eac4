"""Who may do what: the roles, the actions, and the one table of both. Pure."""

from collections.abc import Mapping
from typing import Literal, get_args

Role = Literal["viewer", "responder", "manager", "auditor", "admin", "ingest"]
Action = Literal[
    "incident.report",
    "incident.read",
    "incident.respond",
    "catalog.read",
    "catalog.write",
    "rules.read",
    "rules.write",
    "subscriptions.read",
    "subscriptions.operate",
    "keys.read",
    "keys.write",
    "users.read",
    "users.write",
    "audit.read",
    "whoami",
]

ROLES: tuple[Role, ...] = get_args(Role)
ACTIONS: tuple[Action, ...] = get_args(Action)

_VIEWER = frozenset[Action]({"incident.read", "catalog.read", "whoami"})
_RESPONDER = _VIEWER | frozenset[Action]({"incident.report", "incident.respond"})
_MANAGER = _RESPONDER | frozenset[Action]({"catalog.write", "rules.read", "rules.write"})
_AUDITOR = frozenset[Action](
    {
        "incident.read",
        "catalog.read",
        "rules.read",
        "subscriptions.read",
        "keys.read",
        "users.read",
        "audit.read",
        "whoami",
    }
)

MATRIX: Mapping[Role, frozenset[Action]] = {
    "viewer": _VIEWER,
    "responder": _RESPONDER,
    "manager": _MANAGER,
    "auditor": _AUDITOR,
    "admin": frozenset(ACTIONS),
    "ingest": frozenset[Action]({"incident.report", "whoami"}),
}
"""What each role may do. What is not listed is refused."""


_WHOLE = frozenset[Action]({"subscriptions.read", "subscriptions.operate", "audit.read"})
"""What is about a whole log, and so nothing for one who sees a part of it."""


def allowed(role: Role, action: Action, *, limited: bool = False) -> bool:
    """`limited`: to some teams."""
    return action in MATRIX[role] and not (limited and action in _WHOLE)


def role_named(text: str) -> Role | None:
    """A stored role as ours; None when this release does not know it."""
    return next((role for role in ROLES if role == text), None)


def action_named(text: str) -> Action | None:
    """As `role_named`, for what a route asks for."""
    return next((action for action in ACTIONS if action == text), None)


def within(role: Role, other: Role) -> bool:
    """Whether `role` may do nothing that `other` may not."""
    return MATRIX[role] <= MATRIX[other]
