"""`client.keys`, `client.users` and `client.audit`: who may, and who did."""

from datetime import datetime
from typing import Literal

from pulseops.client.call import Call, Value, command, get, named_path
from pulseops.client.definitions import KeyDefinition, Overlap, UserGrant
from pulseops.client.method import Room, W, method, paged
from pulseops.client.past import Entries
from pulseops.client.results import Act, Key, KeyWithSecret, Page, User
from pulseops.kernel.moments import Moment


class Keys(Room[W]):
    """API keys. A secret is told once, in the answer that makes it."""

    @method
    def list(
        self, *, as_of: Moment | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Call[Page[Key]]:
        """One page, by name; no secrets. As they are, or were at a time or a position."""
        return get("/keys", Page[Key], {"asOf": as_of, "limit": limit, "cursor": cursor})

    iterate = paged(list)

    @method
    def get(self, key_id: str, *, as_of: Moment | None = None) -> Call[Key]:
        return get(named_path("keys", key_id), Key, {"asOf": as_of})

    @method
    def create(self, key: KeyDefinition, *, idempotency_key: str | None = None) -> Call[KeyWithSecret]:
        """Make a key. Whoever lost the answer rotates it: a repetition does not tell the secret again."""
        return command("/keys", key, KeyWithSecret, key=idempotency_key)

    @method
    def rotate(
        self, key_id: str, *, overlap_seconds: int = 86_400, idempotency_key: str | None = None
    ) -> Call[KeyWithSecret]:
        """Give it a new secret; the one before still opens for a while."""
        body = Overlap(overlap_seconds=overlap_seconds)
        return command(f"{named_path('keys', key_id)}/rotate", body, KeyWithSecret, key=idempotency_key)

    @method
    def revoke(self, key_id: str) -> Call[Key]:
        """It opens nothing, from at most a second later."""
        return command(named_path("keys", key_id), None, Key, key=None, method="DELETE")


class Users(Room[W]):
    """Users who sign in, or shall."""

    @method
    def list(
        self, *, as_of: Moment | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Call[Page[User]]:
        """One page, by name. As they are, or were at a time or a position."""
        return get("/users", Page[User], {"asOf": as_of, "limit": limit, "cursor": cursor})

    iterate = paged(list)

    @method
    def get(self, name: str, *, as_of: Moment | None = None) -> Call[User]:
        return get(named_path("users", name), User, {"asOf": as_of})

    @method
    def grant(self, name: str, grant: UserGrant, *, idempotency_key: str | None = None) -> Call[User]:
        """What they may do, whatever their groups say. Also to one who has not signed in yet."""
        return command(f"{named_path('users', name)}/grant", grant, User, key=idempotency_key)

    @method
    def revoke(self, name: str, *, idempotency_key: str | None = None) -> Call[User]:
        """They may do nothing, from at most a second later, and are signed out everywhere."""
        return command(f"{named_path('users', name)}/revoke", None, User, key=idempotency_key)


class Audit(Room[W]):
    """Who was refused and who administered."""

    @method
    def list(
        self,
        *,
        who: str | None = None,
        what: Literal["ACCESS.DENIED", "ADMIN.ACTED"] | None = None,
        since: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Call[Page[Act]]:
        """One page, newest first. `who` is an actor, such as `key:ci`."""
        wanted: dict[str, Value] = {"who": who, "what": what, "since": since, "limit": limit}
        return get("/audit", Page[Act], wanted | {"cursor": cursor})

    iterate = paged(list)

    @method
    def access(
        self, since: Moment, until: Moment | None = None, *, cursor: str | None = None
    ) -> Call[Entries]:
        """Which keys and users changed after `since` up to `until`, or now, and who did it: one page."""
        return get("/access/diff", Entries, {"from": since, "to": until, "cursor": cursor})
