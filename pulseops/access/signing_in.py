"""Signing in with a browser: the authorization code flow of OpenID Connect, with PKCE."""

import hmac
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from pulseops.access.cookies import Attempt
from pulseops.access.fetching import IssuerRefused, fetch
from pulseops.access.issuer import Issuer
from pulseops.access.sign_in import identified
from pulseops.access.tokens import NotAToken, Tokens
from pulseops.access.users import Users, principal_of
from pulseops.http.refusal import Refused

CALLBACK = "/login/callback"


class SignInFailed(Refused):
    """Nobody is signed in by this."""

    def __init__(self, detail: str) -> None:
        super().__init__("sign-in-failed", detail)


class SigningIn:
    """`url` is where browsers reach PulseOps."""

    def __init__(self, issuer: Issuer, tokens: Tokens, users: Users, url: str) -> None:
        self._issuer, self._tokens, self._users = issuer, tokens, users
        self._back = url.rstrip("/") + CALLBACK

    async def begin(self, attempt: Attempt) -> str:
        """Where the browser is to go. Raises IssuerAway."""
        terms, doors = self._issuer.terms, await self._issuer.doors()
        asked = urlencode(
            {
                "response_type": "code",
                "client_id": terms.client_id,
                "redirect_uri": self._back,
                "scope": " ".join(terms.scopes),
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": attempt.challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{doors.authorization}{'&' if '?' in doors.authorization else '?'}{asked}"

    async def end(self, attempt: Attempt, code: str, *, now: datetime) -> str:
        """The token of the new session. Raises SignInFailed, NoAccess and IssuerAway."""
        claims = await self._claims(attempt, code)
        found = identified(claims, self._issuer.terms)
        person = await self._users.known(found, "browser")
        principal_of(person, found.role, found.teams, "session")
        return await self._users.sessions.begin(person.name, found, now=now)

    async def _claims(self, attempt: Attempt, code: str) -> dict[str, Any]:
        """What the ID token says, once the issuer has given it for the code and it was checked."""
        terms = self._issuer.terms
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": terms.client_id,
            "code_verifier": attempt.verifier,
        }
        # RFC 6749, 2.3.1: both are form-encoded before they become Basic.
        basic = (
            None
            if terms.client_secret is None
            else (quote(terms.client_id, safe=""), quote(terms.client_secret, safe=""))
        )
        try:
            told = await fetch(self._issuer.http, (await self._issuer.doors()).token, form=form, basic=basic)
        except IssuerRefused:
            raise SignInFailed("The issuer does not take this code: begin again.") from None
        token = told.get("id_token")
        if not isinstance(token, str):
            raise SignInFailed("The issuer gave no ID token.")
        try:
            claims = await self._tokens.verified(token, terms.client_id)
        except NotAToken as error:
            raise SignInFailed(f"The issuer's ID token opens nothing: {error}.") from None
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise SignInFailed("The issuer's ID token is of another sign-in.")
        if claims.get("azp", terms.client_id) != terms.client_id:
            raise SignInFailed("The issuer's ID token is for another client.")
        return claims
