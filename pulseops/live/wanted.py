"""Which events somebody follows. Pure: who asks for the same is told the same, made once for all."""

from uuid import UUID

from msgspec import Struct


class Place(Struct, frozen=True):
    """Whose an incident was once the append that an event is part of was done, and whose it is now."""

    then: str | None
    now: str | None


NOWHERE = Place(None, None)


class Wanted(Struct, frozen=True, kw_only=True):
    """Each empty filter lets everything through. `scope` are the teams that the caller may see (None: all).

    What lies outside the scope, then or now, is never shown: neither the past of an incident that has left it
    nor the past of one that has come into it.
    """

    scope: frozenset[str] | None = None
    teams: frozenset[str] = frozenset()
    incidents: frozenset[UUID] = frozenset()
    types: frozenset[str] = frozenset()

    @property
    def by_team(self) -> bool:
        """Whether it matters whose an incident is."""
        return self.scope is not None or bool(self.teams)

    def shows(self, kind: str, incident: UUID, place: Place) -> bool:
        if self.types and kind not in self.types:
            return False
        if self.incidents and incident not in self.incidents:
            return False
        if self.teams and place.then not in self.teams:
            return False
        return self.scope is None or (place.then in self.scope and place.now in self.scope)
