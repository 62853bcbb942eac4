"""The version of a stream, as the entity tag of what it tells."""

import re
from hashlib import blake2b

from pulseops.http import exchange
from pulseops.http.answer import Header
from pulseops.http.exchange import Req
from pulseops.http.problem import Fault, Refused

_TAG = re.compile(rb'(W/)?"([^"]*)"')
_VERSION = re.compile(rb"[1-9][0-9]{0,8}")
_LIST = re.compile(rb'\s*(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*\s*')


NEVER = -1
"""A version that no incident has."""


def etag(version: int) -> Header:
    return b"etag", b'"%d"' % version


def of(body: bytes) -> Header:
    """The entity tag of what has no version of its own: of its content."""
    return b"etag", b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()


def matches(request: Req, tag: Header) -> bool:
    """Whether `If-None-Match` names the tag that the client would get."""
    given = exchange.of(request).headers.get(b"if-none-match", b"")
    return given.strip() == b"*" or bool(_LIST.fullmatch(given) and tag[1] in re.findall(rb'"[^"]*"', given))


def expected_version(request: Req) -> int | None:
    """What `If-Match` asks for; None without it or with `*`. A tag that is not ours is `NEVER`."""
    given = exchange.of(request).headers.get(b"if-match")
    if given is None or given.strip() == b"*":
        return None
    found = _TAG.fullmatch(given.strip())
    if found is None:
        detail = 'It takes one entity tag, such as "3", or *.'
        raise Refused("invalid-header", detail, errors=[Fault(detail=detail, header="If-Match")])
    # If-Match compares strongly: a weak tag never matches (RFC 9110, 13.1.1).
    return int(found[2]) if found[1] is None and _VERSION.fullmatch(found[2]) else NEVER


def not_modified(request: Req, version: int) -> bool:
    """Whether `If-None-Match` names the version that the client would get."""
    given = exchange.of(request).headers.get(b"if-none-match")
    if given is None:
        return False
    if given.strip() == b"*":
        return True
    return bool(_LIST.fullmatch(given)) and any(tag == b"%d" % version for _, tag in _TAG.findall(given))
