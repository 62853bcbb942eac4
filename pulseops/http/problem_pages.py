"""Where the `type` of a problem leads: a page of each, for people in HTML, for programs as JSON or text."""

from html import escape
from http import HTTPStatus

import msgspec
from litestar import get
from litestar.params import FromPath
from markdown_it import MarkdownIt
from msgspec import Struct

from pulseops.http.answer import Answer
from pulseops.http.exchange import Req
from pulseops.http.explained import EXPLAINED
from pulseops.http.problem import KINDS, Problem, answered, example
from pulseops.http.refusal import Header, Refused
from pulseops.http.spec import Shape, Spec

_PAGE_HEADERS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)
_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"public, max-age=3600"),
    (b"vary", b"accept"),
    *_PAGE_HEADERS,
)
_HTML = b"text/html; charset=utf-8"
_OF_BODY = {b"content-type", b"content-length"}
# No HTML of others: a problem's words are ours.
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · PulseOps</title>
<link rel="stylesheet" href="/docs/problems.css">
</head>
<body><main>
{body}
</main></body>
</html>
"""


class Explained(Struct, frozen=True, kw_only=True):
    """A problem that may be met: what happened, and what to do about it."""

    code: str
    status: int
    title: str
    means: str
    mend: str
    example: Problem


class AllExplained(Struct, frozen=True, kw_only=True):
    """Every problem that there is."""

    items: tuple[Explained, ...]


def explained(code: str) -> Explained:
    """Raises KeyError."""
    status, title = KINDS[code]
    means, mend = EXPLAINED[code]
    return Explained(
        code=code, status=status, title=title, means=means, mend=mend, example=example(code, means)
    )


_TEXTS = ("text/html", "text/markdown")
_MEANS = "In HTML for browsers, as Markdown where text is asked for."
_INDEX = Spec(
    name="listProblems",
    summary="All problems that may be met",
    tag="operation",
    public=True,
    answers={200: Shape(means=_MEANS, kind=AllExplained, texts=_TEXTS)},
)
_ONE = Spec(
    name="explainProblem",
    summary="What a problem means, and what mends it",
    tag="operation",
    public=True,
    answers={200: Shape(means=_MEANS, kind=Explained, texts=_TEXTS)},
    problems=("not-found",),
)


@get("/problems", opt={"spec": _INDEX})
async def index(request: Req) -> Answer:
    """Each error answer's `type` leads to one of them."""
    found = AllExplained(items=tuple(explained(code) for code in KINDS))
    lines = [f"- [`{one.code}`](/problems/{one.code}) ({one.status}): {one.title}." for one in found.items]
    return _told(request, found, "Problems", "\n".join(["# Problems", "", *lines, ""]))


@get("/problems/{code:str}", opt={"spec": _ONE})
async def page(request: Req, code: FromPath[str]) -> Answer:
    if code not in KINDS:
        raise Refused("not-found", "There is no such problem. GET /problems lists all.")
    found = explained(code)
    answer = msgspec.json.format(msgspec.json.encode(found.example)).decode()
    text = (
        f"# {found.title}\n\n`{code}`, status {found.status}\n\n{found.means}\n\n"
        f"## What to do\n\n{found.mend}\n\n## As it is answered\n\n```json\n{answer}\n```\n\n"
        "[All problems](/problems)\n"
    )
    return _told(request, found, found.title, text)


def shown(request: Req, error: Exception) -> Answer:
    """`error` where a browser was on its way in: a page for people, the problem itself for programs."""
    told = answered(request, error)
    if "text/html" not in request.headers.get("accept", ""):
        return told
    what = msgspec.json.decode(told.body, type=Problem)
    # As a text of its own: a detail may repeat what was sent.
    detail = escape(what.detail or explained(what.code).means)
    again = f"{explained(what.code).mend}\n\n[Sign in again](/login)\n"
    # Where there is no way in, nothing mends it but what `detail` says.
    advice = "" if what.status == HTTPStatus.NOT_FOUND else _MARKDOWN.render(again)
    known = f"<p>The logs know it by <code>{what.correlation_id}</code>.</p>"
    body = _whole(what.title, f"<h1>{escape(what.title)}</h1>\n<p>{detail}</p>\n{advice}{known}")
    kept = [header for header in told.headers if header[0] not in _OF_BODY]
    return Answer(body, status=told.status, media=_HTML, headers=[*kept, *_PAGE_HEADERS])


def _told(request: Req, found: Struct, title: str, text: str) -> Answer:
    wanted = request.headers.get("accept", "")
    if "text/html" in wanted:
        return Answer(_page(title, text), media=_HTML, headers=_HEADERS)
    if "text/" in wanted:
        return Answer(text.encode(), media=b"text/markdown; charset=utf-8", headers=_HEADERS)
    return Answer(msgspec.json.encode(found), headers=_HEADERS)


def _page(title: str, text: str) -> bytes:
    return _whole(title, _MARKDOWN.render(text))


def _whole(title: str, body: str) -> bytes:
    return _PAGE.format(title=escape(title), body=body).encode()


ROUTES = (index, page)
