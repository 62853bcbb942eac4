"""`client.teams`, `client.services` and `client.catalog`: who owns what, and did."""

from pulseops.catalog.commands import ServiceValue, TeamValue
from pulseops.client.call import Call, Value, command, get, named_path
from pulseops.client.method import Room, W, method, paged
from pulseops.client.past import Entries
from pulseops.client.results import Page, Retired, Service, Team
from pulseops.kernel.moments import Moment


class Teams(Room[W]):
    """Teams, by name."""

    @method
    def list(
        self,
        *,
        text: str | None = None,
        as_of: Moment | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        min_position: int | None = None,
    ) -> Call[Page[Team]]:
        """One page. `text` is looked for in name, display name and description."""
        wanted: dict[str, Value] = {"text": text, "asOf": as_of, "limit": limit, "cursor": cursor}
        return get("/teams", Page[Team], wanted | {"min_position": min_position})

    iterate = paged(list)

    @method
    def get(self, name: str, *, as_of: Moment | None = None) -> Call[Team]:
        """As it is, or was at a time or a position."""
        return get(named_path("teams", name), Team, {"asOf": as_of})

    @method
    def put(
        self,
        name: str,
        team: TeamValue,
        *,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Team]:
        """Say what a team is: the whole of it."""
        path = named_path("teams", name)
        return command(path, team, Team, key=idempotency_key, if_match=if_match, method="PUT")

    @method
    def delete(
        self,
        name: str,
        *,
        note: str | None = None,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Retired]:
        """Retire a team that owns nothing."""
        return command(
            named_path("teams", name),
            None,
            Retired,
            key=idempotency_key,
            if_match=if_match,
            method="DELETE",
            query={"note": note},
        )


class Services(Room[W]):
    """Services, by name."""

    @method
    def list(
        self,
        *,
        team: str | None = None,
        tier: int | None = None,
        text: str | None = None,
        as_of: Moment | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        min_position: int | None = None,
    ) -> Call[Page[Service]]:
        """One page. `text` is looked for in name, display name and description."""
        wanted: dict[str, Value] = {"team": team, "tier": tier, "text": text, "asOf": as_of, "limit": limit}
        return get("/services", Page[Service], wanted | {"cursor": cursor, "min_position": min_position})

    iterate = paged(list)

    @method
    def get(self, name: str, *, as_of: Moment | None = None) -> Call[Service]:
        """As it is, or was at a time or a position."""
        return get(named_path("services", name), Service, {"asOf": as_of})

    @method
    def put(
        self,
        name: str,
        service: ServiceValue,
        *,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Service]:
        """Say what a service is: the whole of it. Its team must be there."""
        path = named_path("services", name)
        return command(path, service, Service, key=idempotency_key, if_match=if_match, method="PUT")

    @method
    def delete(
        self,
        name: str,
        *,
        note: str | None = None,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Retired]:
        """Retire a service."""
        return command(
            named_path("services", name),
            None,
            Retired,
            key=idempotency_key,
            if_match=if_match,
            method="DELETE",
            query={"note": note},
        )


class Catalog(Room[W]):
    """Teams and services together."""

    @method
    def diff(self, since: Moment, until: Moment | None = None, *, cursor: str | None = None) -> Call[Entries]:
        """Which of them changed after `since` up to `until`, or now, and who did it: one page."""
        return get("/catalog/diff", Entries, {"from": since, "to": until, "cursor": cursor})
