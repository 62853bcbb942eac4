"""Keys and users as they were: folded from their facts. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from pulseops.access.events import (
    AccessFact,
    KeyCreated,
    KeyRevoked,
    KeyRotated,
    UserGranted,
    UserRevoked,
    UserSeen,
)
from pulseops.access.listing import Shown
from pulseops.access.permissions import Role
from pulseops.access.roster import ShownUser
from pulseops.kernel.envelope import Recorded

Facts = Sequence[Recorded[AccessFact]]


def key_after(facts: Iterable[Recorded[Any]], at: datetime) -> Shown | None:
    """The key at the time `at`, after these facts. When it was last used is not in history."""
    key: Shown | None = None
    for recorded in facts:
        match recorded.fact:
            case KeyCreated() as made:
                key = Shown(
                    id=made.key_id,
                    name=made.name,
                    role=made.role,
                    status="open",
                    teams=made.teams,
                    source=made.source,
                    rate=made.rate,
                    created_at=recorded.occurred_at,
                    expires_at=made.expires_at,
                    last_used_at=None,
                    rotated_at=None,
                    overlap_until=None,
                    revoked_at=None,
                )
            case KeyRotated() as rotated if key is not None:
                key = replace(key, rotated_at=recorded.occurred_at, overlap_until=rotated.overlap_until)
            case KeyRevoked() if key is not None:
                key = replace(key, revoked_at=recorded.occurred_at)
    return None if key is None else key_at(key, at)


def key_at(key: Shown, at: datetime) -> Shown:
    """What is over by then is told so."""
    if key.revoked_at is not None:
        return replace(key, status="revoked", overlap_until=None)
    if key.expires_at is not None and key.expires_at <= at:
        return replace(key, status="expired", overlap_until=None)
    over = key.overlap_until is not None and key.overlap_until <= at
    return replace(key, status="open", overlap_until=None if over else key.overlap_until)


def user_after(facts: Iterable[Recorded[Any]]) -> ShownUser | None:
    """The user after these facts."""
    user: ShownUser | None = None
    claimed: tuple[Role | None, tuple[str, ...] | None] = (None, None)
    for recorded in facts:
        at = recorded.occurred_at
        match recorded.fact:
            case UserSeen() as seen:
                claimed = (seen.role, seen.teams)
                user = replace(
                    user or _new(seen.name, at), issuer=seen.issuer, subject=seen.subject, seen_at=at
                )
            case UserGranted() as grant:
                user = replace(
                    user or _new(grant.name, at),
                    role=grant.role,
                    teams=grant.teams,
                    granted=True,
                    granted_at=at,
                    revoked_at=None,
                )
                if grant.new_subject:
                    user = replace(user, issuer=None, subject=None)
            case UserRevoked() if user is not None:
                user = replace(user, granted=False, revoked_at=at)
        if user is not None and not user.granted:
            user = replace(user, role=claimed[0], teams=claimed[1])
    return None if user is None else replace(user, status=_status(user))


def _new(name: str, at: datetime) -> ShownUser:
    return ShownUser(
        name=name,
        status="idle",
        role=None,
        teams=None,
        granted=False,
        issuer=None,
        subject=None,
        created_at=at,
        seen_at=None,
        granted_at=None,
        revoked_at=None,
    )


def _status(user: ShownUser) -> Any:
    if user.revoked_at is not None:
        return "revoked"
    if user.role is None:
        return "idle"
    return "awaited" if user.subject is None else "active"
