"""Entity tags: the version of a stream, or a digest of what is answered."""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from pulseops.http import exchange
from pulseops.http.answer import Answer, encoded
from pulseops.http.exchange import Req
from pulseops.http.refusal import Fault, Header, Refused

_TAG = re.compile(rb'(W/)?"([^"]*)"')
_VERSION = re.compile(rb"[1-9][0-9]{0,8}")
_LIST = re.compile(rb'\s*(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*\s*')


NEVER = -1
"""A version that no incident has."""


def etag(version: int) -> Header:
    return b"etag", b'"%d"' % version


def of(body: bytes) -> bytes:
    """The tag of what has no version of its own: of its content. For `none_match`, and in quotes for ETag."""
    return blake2b(body, digest_size=12).hexdigest().encode()


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
    return none_match(request, b"%d" % version)


def none_match(request: Req, known: bytes) -> bool:
    """Whether `If-None-Match` names this tag, or any."""
    given = exchange.of(request).headers.get(b"if-none-match")
    return given is not None and _named(given, known)


def digested(request: Req, value: Any, *, headers: Iterable[Header] = ()) -> Answer:
    """`value` as JSON under a weak tag that is the same for as long as the answer is; 304 for who has it.

    What is read from several places has no one version to name: shards, parked streams and a switch of
    generations each change an answer by themselves.
    """
    return _tagged(request, encoded(value), headers)


def tagged(request: Req, body: bytes, *, media: bytes, headers: Iterable[Header] = ()) -> Answer:
    """As `digested`, of what is not told as JSON."""
    return _tagged(request, Answer(body, media=media), headers)


def _tagged(request: Req, answer: Answer, headers: Iterable[Header]) -> Answer:
    known = of(answer.body)
    sent = [(b"etag", b'W/"%b"' % known), *headers]
    if none_match(request, known):
        return Answer(b"", status=304, headers=sent)
    answer.headers += sent
    return answer


def _named(given: bytes, known: bytes) -> bool:
    if given.strip() == b"*":
        return True
    return bool(_LIST.fullmatch(given)) and any(tag == known for _, tag in _TAG.findall(given))


class Conditions(Struct, frozen=True):
    """What a writer asks of the thing that it replaces; None where it asks nothing."""

    if_match: bytes | None = None
    if_none_match: bytes | None = None

    @property
    def given(self) -> bool:
        return self.if_match is not None or self.if_none_match is not None

    def check(self, known: bytes | None) -> None:
        """`known` is the tag of what there is, None when there is nothing. Raises Refused."""
        if self.if_match is not None and (
            known is None or self.if_match not in {b"*", b'"%b"' % known}  # a weak tag never matches
        ):
            found = "there is none" if known is None else f'it is "{known.decode()}" now'
            raise Refused("version-conflict", f"If-Match names another state: {found}.")
        if self.if_none_match is not None and known is not None and _named(self.if_none_match, known):
            raise Refused("version-conflict", f'If-None-Match: it is there already, as "{known.decode()}".')


def conditions(request: Req) -> Conditions:
    """Raises Refused (invalid-header)."""
    expected_version(request)
    headers = exchange.of(request).headers
    if_match = headers.get(b"if-match")
    return Conditions(None if if_match is None else if_match.strip(), headers.get(b"if-none-match"))
