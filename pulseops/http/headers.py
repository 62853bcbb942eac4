"""The headers that the API description knows: of requests, of answers, and of problems by their status."""

from collections.abc import Mapping
from typing import Any

# No examples: Swagger UI would send them with every trial request.
REQUEST: Mapping[str, Mapping[str, Any]] = {
    "Idempotency-Key": {
        "description": "Makes the request safe to repeat: under one key it is carried out once, and a "
        "repetition is answered as the first time, also when it changed nothing or joined an open incident "
        "by its `dedupKey`, and whatever has happened since (keys and users: as they stand by then). While "
        "the first is under way, the repetition waits for it. Another body under the key is refused. What "
        "was refused is not remembered, and may be sent again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
    },
    "If-Match": {
        "description": 'Only if it is still as you read it: its ETag, such as `"3"`, or `*`.',
        "schema": {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*")$'},
    },
    "Last-Event-ID": {
        "description": "Go on after this position: the last `id` that was received.",
        "schema": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,18})$"},
    },
    "If-None-Match": {
        "description": "Only if it has changed since: the ETag of what you have. Of a write, `*`: only if "
        "there is none yet.",
        "schema": {"type": "string"},
    },
}
OF_PROBLEMS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
    504: ("Retry-After",),
}
RESPONSE: Mapping[str, Mapping[str, Any]] = {
    "Location": {"description": "Where it is.", "schema": {"type": "string"}},
    "ETag": {
        "description": "The version of what is told, which `If-Match` takes. Of lists and counts a weak one: "
        "it is the same for as long as the answer is, and `If-None-Match` alone takes it.",
        "schema": {"type": "string"},
    },
    "X-PulseOps-Position": {
        "description": "Of an incident, or of what was written: the place of its newest event in the log, "
        "which a read with this `min_position` shows. Of a list: the position up to which it shows all.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit": {
        "description": "The requests that are left now (`r`), and the seconds until there is one (`t`).",
        "schema": {"type": "string"},
        "example": '"default";r=0;t=1',
    },
    "RateLimit-Policy": {
        "description": "So many requests (`q`) may be made in so many seconds (`w`).",
        "schema": {"type": "string"},
        "example": '"default";q=2000;w=2',
    },
    "Idempotency-Replayed": {
        "description": "Sent when this answer was given before, under the same key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
    "Set-Cookie": {
        "description": "For this host and programs of the server alone (`HttpOnly`); one that is over has "
        "`Max-Age=0`.",
        "schema": {"type": "string"},
    },
    "X-Request-Id": {
        "description": "Names the request: the caller's own name for it, if it gave one.",
        "schema": {"type": "string"},
    },
}
