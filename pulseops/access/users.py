"""The door for users: a token of the issuer, or a session of the browser, and who that is here."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from pulseops.access.cookies import Cookies, carried
from pulseops.access.keys import Principal, Via
from pulseops.access.people import sight
from pulseops.access.permissions import Role
from pulseops.access.person import LOG, NOBODY, People, Person
from pulseops.access.remembered import Remembered
from pulseops.access.sessions import Sessions
from pulseops.access.sign_in import Identity, NoAccess, SignIn
from pulseops.access.tokens import Tokens
from pulseops.kernel.clock import utc_now

_FRESH = 1.0
"""Seconds that users are remembered: one who is revoked is refused after that."""
_NEWER = 0.1
"""Seconds after which an unknown user is looked for again."""
_ANEW = timedelta(hours=1)
"""How often, at most, it is recorded that somebody's claims are other ones than before."""


class Users:
    """`load` reads all users; `pool` is where a new one is written."""

    def __init__(
        self,
        terms: SignIn,
        tokens: Tokens,
        load: Callable[[], Awaitable[People]],
        pool: asyncpg.Pool,
    ) -> None:
        self.terms, self.tokens, self._pool = terms, tokens, pool
        self.sessions = Sessions(pool, lasts=terms.session, idle=terms.session_idle)
        self.cookies = None if terms.url is None else Cookies(terms.url)
        self._people = Remembered[People](load, NOBODY)

    async def by_token(self, token: str) -> Principal:
        """Raises NotAToken, NoAccess and IssuerAway."""
        found = await self.tokens.read(token)
        person = await self.known(found, "token")
        return principal_of(person, found.role, found.teams, "token")

    async def by_cookie(self, header: bytes) -> Principal | None:
        """None: nobody is signed in with it. Raises NoAccess."""
        token = None if self.cookies is None else carried(header, self.cookies.session)
        found = None if token is None else await self.sessions.find(token, now=utc_now())
        if found is None:
            return None
        await self._people.refresh(_FRESH)
        if found.name not in self._people.found.by_name:
            await self._people.refresh(_NEWER)
        person = self._people.found.by_name.get(found.name)
        return None if person is None else principal_of(person, found.role, found.teams, "session")

    async def known(self, found: Identity, origin: str) -> Person:
        """The user that this is; recorded when it is a new one. Raises NoAccess."""
        who, subject = f"user:{found.name}", (self.terms.issuer, found.subject)
        await self._people.refresh(_FRESH)
        person = self._people.found.by_subject.get(subject)
        if person is None:
            await self._people.refresh(_NEWER)
            person = self._people.found.by_subject.get(subject)
        if person is None:
            named = self._people.found.by_name.get(found.name)
            if named is not None and named.subject is not None:
                raise NoAccess(who, "This user name is somebody else's.")
            if named is not None and named.revoked:
                raise NoAccess(who, "Your access was revoked.")
            if named is None and found.role is None:
                raise NoAccess(who, "Nothing gives you access: neither your groups nor an administrator.")
        if person is None or _changed(person, found):
            await sight(self._pool, found, issuer=self.terms.issuer, origin=origin, now=utc_now())
            await self._people.refresh(0.0)
            person = self._people.found.by_subject.get(subject)
        if person is None:
            raise NoAccess(who, "This user name is somebody else's.")
        return person


def _changed(person: Person, found: Identity) -> bool:
    if person.revoked or person.claimed == (found.role, found.teams):
        return False
    return person.seen_at is None or utc_now() - person.seen_at >= _ANEW


def principal_of(person: Person, role: Role | None, teams: frozenset[str] | None, via: Via) -> Principal:
    """`role` and `teams` are those of the claims. Raises NoAccess."""
    if person.revoked:
        raise NoAccess(f"user:{person.name}", "Your access was revoked.")
    granted, effective = person.role is not None, person.role or role
    if effective is None:
        raise NoAccess(f"user:{person.name}", "None of your groups gives you access any more.")
    return Principal(
        log_id=LOG,
        key_id=None,
        name=person.name,
        role=effective,
        teams=person.teams if granted else teams,
        via=via,
    )
