"""A real issuer on this machine: it tells of itself, signs with real keys, lets people sign in with PKCE."""

import asyncio
import json
import secrets
import socket
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE, CLIENT, SECRET = "pulseops-api", "pulseops", "the client's secret"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

# Made once: an RSA key takes its time.
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
EC = ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """`keys` are told and sign; `user` is who signs in next; `down`: it answers nothing of use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: dict[str, Key] = {"rsa-1": RSA, "ec-1": EC}
        self.told: dict[str, Any] | None = None
        self.user: dict[str, Any] = {"sub": "s-ada", "preferred_username": "ada", "groups": ["sre"]}
        self.down = False
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def claims(self, **other: Any) -> dict[str, Any]:
        now = int(time())
        return self.user | {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + 300} | other

    def token(self, kid: str | None = "rsa-1", *, key: Any = None, alg: str = "", **other: Any) -> str:
        """Signed as it should be, but for what is said otherwise. A claim that is None is left out."""
        signer = key or self.keys[kid or ""]
        algorithm = alg or ("ES256" if isinstance(signer, ec.EllipticCurvePrivateKey) else "RS256")
        payload = {name: value for name, value in self.claims(**other).items() if value is not None}
        return jwt.encode(payload, signer, algorithm, headers={"kid": kid} if kid is not None else None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        given = {name: values[0] for name, values in parse_qs(scope["query_string"].decode("ascii")).items()}
        if self.down:
            await _say(send, 503, {})
        elif scope["path"] == "/.well-known/openid-configuration":
            await _say(send, 200, self._about())
        elif scope["path"] == "/jwks":
            await _say(send, 200, self.told or self.jwks())
        elif scope["path"] == "/authorize":
            await self._authorize(given, send)
        else:
            await self._exchange(dict(scope["headers"]), (await receive())["body"], send)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [public(key) | {"kid": kid, "use": "sig"} for kid, key in self.keys.items()]}

    def _about(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
        }

    async def _authorize(self, given: dict[str, str], send: Any) -> None:
        """The user is at the keyboard already, and says yes."""
        assert (given["client_id"], given["response_type"]) == (CLIENT, "code")
        assert (given["code_challenge_method"], len(given["code_challenge"])) == ("S256", 43)
        code = secrets.token_urlsafe(16)
        self._codes[code] = given
        back = urlencode({"code": code, "state": given["state"], "iss": self.url})
        headers = [(b"location", f"{given['redirect_uri']}?{back}".encode())]
        await _say(send, 302, {}, headers)

    async def _exchange(self, headers: dict[bytes, bytes], body: bytes, send: Any) -> None:
        given = {name: values[0] for name, values in parse_qs(body.decode("ascii")).items()}
        basic = b64decode(headers[b"authorization"].partition(b" ")[2]).decode()
        known = self._codes.pop(given["code"], None)
        challenge = urlsafe_b64encode(sha256(given["code_verifier"].encode()).digest()).decode().rstrip("=")
        if (
            known is None
            or unquote(basic) != f"{CLIENT}:{SECRET}"
            or challenge != known["code_challenge"]
            or given["redirect_uri"] != known["redirect_uri"]
        ):
            await _say(send, 400, {"error": "invalid_grant"})
            return
        told = self.token(aud=CLIENT, nonce=known.get("nonce"))
        await _say(send, 200, {"id_token": told, "access_token": "opaque", "token_type": "Bearer"})


def public(key: Key) -> dict[str, Any]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return dict(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))
    return dict(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))


async def _say(send: Any, status: int, body: dict[str, Any], headers: Any = ()) -> None:
    sent = [(b"content-type", b"application/json"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = Issuer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(issuer, lifespan="off", log_config=None, access_log=False))
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has nothing to wait on
        await asyncio.sleep(0.01)
    yield issuer
    server.should_exit = True
    await task


def sign_in_file(folder: Path, issuer: str, **more: Any) -> Path:
    """The file of PULSEOPS_OIDC for `issuer`."""
    (folder / "secret").write_text(SECRET)
    said = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret_file": "secret",
        "audience": AUDIENCE,
        "url": "http://localhost:8000",
        "roles": {"admins": "admin", "sre": "responder", "auditors": "auditor"},
        "leeway": "5s",
    }
    path = folder / "oidc.yaml"
    path.write_text(json.dumps(said | more))
    return path
