"""The API's documentation in a browser: Swagger UI, carried in the package, with nothing from elsewhere."""

from functools import cache
from pathlib import Path

from litestar import get
from litestar.params import FromPath

from pulseops.http.answer import Answer
from pulseops.http.refusal import Header, Refused
from pulseops.http.spec import Spec

STATIC = Path(__file__).with_name("static")
_MEDIA = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".png": b"image/png"}
# Swagger UI sets style attributes and draws its icons from data: URLs; scripts come from here alone.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)


@cache
def _files() -> dict[str, tuple[bytes, bytes]]:
    """By name, so that no path is ever made of what a caller sends."""
    return {
        file.name: (file.read_bytes(), _MEDIA[file.suffix])
        for file in STATIC.iterdir()
        if file.suffix in _MEDIA
    }


_PUBLIC = Spec(name="docs", summary="", answers={}, public=True, tag="operation", hidden=True)


@get("/docs", opt={"spec": _PUBLIC})
async def docs() -> Answer:
    page = (STATIC / "docs.html").read_bytes()
    return Answer(page, media=b"text/html; charset=utf-8", headers=_HEADERS)


@get("/docs/{name:str}", opt={"spec": _PUBLIC})
async def docs_file(name: FromPath[str]) -> Answer:
    found = _files().get(name)
    if found is None:
        raise Refused("not-found", "There is no such file.")
    return Answer(found[0], media=found[1], headers=_HEADERS)


ROUTES = (docs, docs_file)
