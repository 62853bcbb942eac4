"""What is asked of the issuer: small JSON documents, within seconds, and from nowhere else than asked."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog

from pulseops.http.refusal import Refused

_TIMEOUT = httpx.Timeout(5.0, connect=3.0)
_MOST = 1 << 20
"""Bytes of a document."""
_LOCAL = frozenset(("localhost", "127.0.0.1", "::1"))
_NO = frozenset((400, 401, 403))
_log = structlog.get_logger("pulseops.access")


class IssuerAway(Refused):
    """Nothing was decided: the issuer could not be asked."""

    def __init__(self) -> None:
        super().__init__(
            "issuer-unavailable", "The issuer of sign-ins does not answer.", headers=[(b"retry-after", b"10")]
        )


class IssuerRefused(Exception):
    """The issuer answered, and the answer is no."""


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOCAL


def is_safe(url: object) -> bool:
    """Whether secrets may go there: https, or this machine itself."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))


def client(url: str) -> httpx.AsyncClient:
    # A proxy is for other machines.
    return httpx.AsyncClient(
        timeout=_TIMEOUT,
        follow_redirects=False,
        trust_env=not is_loopback(url),
        headers={"accept": "application/json", "user-agent": "pulseops"},
    )


async def fetch(
    http: httpx.AsyncClient,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    basic: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """The JSON object there. Raises IssuerAway, and of a `form` IssuerRefused when it is not taken."""
    auth = httpx.BasicAuth(*basic) if basic is not None else None
    request = http.build_request("GET" if form is None else "POST", url, data=form)
    try:
        answer = await http.send(request, auth=auth, stream=True)
        try:
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _MOST:
                    raise httpx.DecodingError("the document is too large", request=request)
        finally:
            await answer.aclose()
        if form is not None and answer.status_code in _NO:
            raise IssuerRefused
        found: Any = msgspec.json.decode(body) if answer.is_success else None
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        _log.warning("issuer unavailable", error=type(error).__name__)
        raise IssuerAway from error
    if not isinstance(found, dict):
        _log.warning("issuer unavailable", status=answer.status_code)
        raise IssuerAway
    return found
