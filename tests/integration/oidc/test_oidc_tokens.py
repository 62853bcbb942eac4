"""Tokens of an issuer: who comes in with one, and everything that does not."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from time import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.bearing import bearing, flushed
from tests.issuer import EC, RSA, Issuer, public
from tests.serving import Api

FOREIGN = rsa.generate_private_key(65537, 2048)


def by_hand(head: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    def part(data: bytes) -> bytes:
        return urlsafe_b64encode(data).rstrip(b"=")

    signed = part(json.dumps(head).encode()) + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(sign(signed))).decode()


def hs256_with_the_public_key(issuer: Issuer) -> str:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "typ": "JWT", "kid": "rsa-1"}
    return by_hand(head, issuer.claims(), lambda signed: hmac.digest(pem, signed, sha256))


def unsigned(issuer: Issuer, alg: str = "none") -> str:
    return by_hand({"alg": alg, "typ": "JWT", "kid": "rsa-1"}, issuer.claims(), lambda _: b"")


def with_head(issuer: Issuer, **head: Any) -> str:
    _, body, _ = issuer.token().split(".")
    signed = urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": "rsa-1"} | head).encode()).rstrip(b"=")
    text = signed + b"." + body.encode()
    signature = RSA.sign(text, padding.PKCS1v15(), hashes.SHA256())
    return (text + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()


def by_foreign(signed: bytes) -> bytes:
    return FOREIGN.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def changed(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    claims = json.dumps(issuer.claims(groups=["admins"])).encode()
    return f"{head}.{urlsafe_b64encode(claims).decode().rstrip('=')}.{signature}"


BAD: dict[str, Callable[[Issuer], str]] = {
    "alg none": unsigned,
    "alg None, in other letters": lambda it: unsigned(it, "nOnE"),
    "no alg": lambda it: by_hand({"kid": "rsa-1"}, it.claims(), lambda _: b""),
    "HS256 with the public key": hs256_with_the_public_key,
    "an algorithm that is not allowed": lambda it: it.token(alg="RS384"),
    "signed with a foreign key under our kid": lambda it: it.token(key=FOREIGN),
    "swapped keys: RSA under the kid of the EC key": lambda it: it.token("ec-1", key=RSA),
    "swapped keys: EC under the kid of the RSA key": lambda it: it.token("rsa-1", key=EC),
    "the kid of another issuer": lambda it: it.token("theirs", key=FOREIGN),
    "no kid, with a foreign key": lambda it: it.token(None, key=FOREIGN),
    "a kid that is no text": lambda it: with_head(it, kid=1),
    "an extension that is not known": lambda it: with_head(it, crit=["exp"], exp=1),
    "a key that it brings along": lambda it: by_hand(
        {"alg": "RS256", "typ": "JWT", "jwk": public(FOREIGN)}, it.claims(), by_foreign
    ),
    "a key that it says where to find": lambda it: by_hand(
        {"alg": "RS256", "kid": "theirs", "jku": f"{it.url}/jwks"}, it.claims(), by_foreign
    ),
    "a logout token": lambda it: with_head(it, typ="logout+jwt"),
    "another issuer": lambda it: it.token(iss="https://evil.example"),
    "the issuer with a slash more": lambda it: it.token(iss=f"{it.url}/"),
    "another audience": lambda it: it.token(aud="grafana"),
    "the audience of the browser's tokens": lambda it: it.token(aud="pulseops"),
    "no audience": lambda it: it.token(aud=None),
    "expired": lambda it: it.token(exp=int(time()) - 60),
    "not valid yet": lambda it: it.token(nbf=int(time()) + 60),
    "issued in the future": lambda it: it.token(iat=int(time()) + 60),
    "no sub": lambda it: it.token(sub=None),
    "a sub that is no text": lambda it: it.token(sub=7),
    "no exp": lambda it: it.token(exp=None),
    "an exp that is no number": lambda it: it.token(exp="later"),
    "no iss": lambda it: it.token(iss=None),
    "the payload changed": changed,
    "the signature cut": lambda it: it.token()[:-8],
    "no signature": lambda it: it.token().rpartition(".")[0] + ".",
    "oversized": lambda it: it.token(padding="x" * 8_192),
    "not base64": lambda _: "a=b.c.d",
    "empty parts": lambda _: "a..",
    "nested ten thousand deep": lambda _: f"{urlsafe_b64encode(b'[' * 6_000).decode()}.e30.e30",
}


async def test_who_has_a_token_of_the_issuer_comes_in_as_the_groups_say(api: Api, issuer: Issuer) -> None:
    for kid in ("rsa-1", "ec-1"):
        told = (await api.get("/whoami", headers=bearing(issuer.token(kid)))).json()
        assert told["actor"] == "user:ada"
        assert (told["role"], told["teams"], told["via"], told["keyId"]) == ("responder", None, "token", None)
    made = await api.post("/incident", json={"title": "x"}, headers=bearing(issuer.token()))
    assert made.status_code == 201
    row = await api.app.state.pool.fetchrow("SELECT meta FROM eventstore.event WHERE type = 'CREATED'")
    assert json.loads(row["meta"])["actor"] == "user:ada"
    assert (await api.get("/keys", headers=bearing(issuer.token()))).status_code == 403
    assert (await api.get("/whoami")).json()["via"] == "key"


async def test_what_is_no_token_of_the_issuer_is_401_and_on_record_without_it(
    api: Api, issuer: Issuer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (await api.get("/whoami", headers=bearing(issuer.token()))).status_code == 200
    sent = {name: make(issuer) for name, make in BAD.items()}
    for name, token in sent.items():
        answer = await api.get("/whoami", headers=bearing(token))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (name, answer.text)
        assert token not in answer.text
    trail = await flushed(api)
    refused = [one for one in trail if one.get("code") == "unauthenticated"]
    assert sum(one["count"] for one in refused) == len(BAD)
    said = capsys.readouterr()
    rows = await api.app.state.pool.fetch("SELECT data::text || meta::text AS text FROM eventstore.event")
    everything = said.out + said.err + json.dumps(trail) + "".join(row["text"] for row in rows)
    assert not [name for name, token in sent.items() if token.split(".")[1][:40] in everything and token[40:]]
