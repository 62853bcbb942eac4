"""The issuer changes its keys, is asked too often, is away, or says what cannot be."""

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pulseops.access import tokens as kept
from pulseops.access.issuer import FRESH, PAUSE, STALE
from pulseops.access.issuer import Issuer as Asked
from pulseops.access.tokens import Tokens
from tests.integration.bearing import bearing
from tests.issuer import EC, OTHER_RSA, RSA, Issuer, public
from tests.serving import Api


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(api: Api) -> Clock:
    """The one by which the issuer's answers grow old, in the test's hand."""
    clock = Clock()
    _asked(api)._clock = clock
    return clock


def _asked(api: Api) -> Asked:
    tokens: Tokens = api.app.state.doorkeeper.users.tokens
    return tokens._issuer


async def entered(api: Api, token: str) -> tuple[int, Any]:
    answer = await api.get("/whoami", headers=bearing(token))
    return answer.status_code, answer.json().get("code")


async def test_a_new_key_is_fetched_when_it_is_first_met_and_guesses_fetch_nothing(
    api: Api, issuer: Issuer, clock: Clock
) -> None:
    assert (await entered(api, issuer.token()))[0] == 200
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]
    issuer.keys["rsa-2"] = OTHER_RSA
    clock.now += PAUSE
    assert (await entered(api, issuer.token("rsa-2")))[0] == 200
    assert issuer.asked.count("/jwks") == 2
    guesses = [issuer.token("rsa-2", key=RSA)] + [issuer.token(f"k{one}", key=RSA) for one in range(9)]
    found = await asyncio.gather(*(entered(api, token) for token in guesses))
    assert set(found) == {(401, "unauthenticated")}
    assert issuer.asked.count("/jwks") == 2
    clock.now += PAUSE
    await asyncio.gather(*(entered(api, token) for token in guesses))
    assert issuer.asked.count("/jwks") == 3


async def test_a_key_that_is_withdrawn_opens_nothing_also_for_tokens_that_were_verified(
    api: Api, issuer: Issuer, clock: Clock
) -> None:
    token, other = issuer.token(), issuer.token("ec-1")
    assert ((await entered(api, token))[0], (await entered(api, other))[0]) == (200, 200)
    del issuer.keys["rsa-1"]
    clock.now += FRESH
    # Whoever comes first still meets the old keys, while the new ones are on their way.
    await entered(api, issuer.token("ec-1", jti="1"))
    await _at_rest(api)
    assert await entered(api, token) == (401, "unauthenticated")
    assert (await entered(api, other))[0] == 200


async def test_a_withdrawn_key_is_noticed_also_where_only_tokens_come_that_were_verified(
    api: Api, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.token()
    assert (await entered(api, token))[0] == 200
    del issuer.keys["rsa-1"]
    clock.now += FRESH
    assert (await entered(api, token))[0] == 200
    await _at_rest(api)
    assert await entered(api, token) == (401, "unauthenticated")


async def test_while_the_issuer_is_away_its_known_keys_count_and_unknown_ones_are_503(
    api: Api, issuer: Issuer, clock: Clock
) -> None:
    issuer.down = True
    assert await entered(api, issuer.token()) == (503, "issuer-unavailable")
    assert (await api.get("/whoami")).status_code == 200
    issuer.down = False
    assert await entered(api, issuer.token()) == (503, "issuer-unavailable")
    clock.now += PAUSE
    known = issuer.token()
    assert (await entered(api, known))[0] == 200
    issuer.down = True
    clock.now += FRESH
    for token in (known, issuer.token(jti="1"), issuer.token("ec-1")):
        assert (await entered(api, token))[0] == 200
    await _at_rest(api)
    assert await entered(api, issuer.token("rsa-2", key=OTHER_RSA)) == (503, "issuer-unavailable")
    clock.now += STALE
    for token in (known, issuer.token(jti="2")):
        assert await entered(api, token) == (503, "issuer-unavailable")


async def test_an_issuer_that_says_it_is_another_one_is_not_believed(
    api: Api, issuer: Issuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = issuer._about()
    for wrong in (
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": "http://evil.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": None},
    ):
        monkeypatch.setattr(issuer, "_about", lambda wrong=wrong: about | wrong)
        clock.now += PAUSE
        assert await entered(api, issuer.token()) == (503, "issuer-unavailable"), wrong
    assert "/jwks" not in issuer.asked
    monkeypatch.undo()
    clock.now += PAUSE
    assert (await entered(api, issuer.token()))[0] == 200


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_of_the_keys_only_those_that_verify_what_is_allowed_are_used(
    api: Api, issuer: Issuer, clock: Clock
) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    issuer.told = {
        "keys": [
            7,
            {},
            {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
            {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
            public(RSA) | {"kid": "enc", "use": "enc"},
            public(RSA) | {"kid": "ps", "alg": "PS256"},
            public(weak) | {"kid": "weak"},
            public(RSA) | {"kid": "good"},
            public(EC),
        ]
    }
    for kid in ("oct", "broken", "enc", "ps", "weak", "rsa-1"):
        key = weak if kid == "weak" else RSA
        assert await entered(api, issuer.token(kid, key=key)) == (401, "unauthenticated"), kid
    assert (await entered(api, issuer.token("good", key=RSA)))[0] == 200
    # Without an id it is the only key of its kind.
    assert (await entered(api, issuer.token(None, key=EC)))[0] == 200


async def test_what_was_verified_is_remembered_within_bounds_and_not_beyond_its_end(
    api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT", 3)
    tokens: Tokens = api.app.state.doorkeeper.users.tokens
    for one in range(5):
        assert (await entered(api, issuer.token(jti=str(one))))[0] == 200
    assert len(tokens._known) == 3
    token = issuer.token(jti="last")
    assert (await entered(api, token))[0] == 200

    async def expired(_token: str, _audience: str) -> dict[str, Any]:
        raise kept.NotAToken("it has expired")

    monkeypatch.setattr(tokens, "verified", expired)
    assert (await entered(api, token))[0] == 200
    end = max(one.expires for one in tokens._known.values())
    tokens._clock = lambda: end + 5.5
    assert await entered(api, token) == (401, "unauthenticated")
    assert len(tokens._known) == 2


async def test_too_much_and_too_slow_is_as_good_as_nothing(
    api: Api, issuer: Issuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulseops.access.fetching._MOST", 200)
    assert await entered(api, issuer.token()) == (503, "issuer-unavailable")
    monkeypatch.undo()
    issuer.told = {"keys": "none"}
    clock.now += PAUSE
    assert await entered(api, issuer.token()) == (401, "unauthenticated")


async def _at_rest(api: Api) -> None:
    """Until what is asked beside the requests is answered."""
    task = _asked(api)._asking
    if task is not None:
        await task
