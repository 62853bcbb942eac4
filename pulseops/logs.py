"""One line a thing that happened, JSON or console, on stderr. No secret, no body, no terminal sequence."""

import io
import json
import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import msgspec
import structlog
from structlog.types import Processor

_SECRETS = re.compile(r"(pulseops_[0-9a-z]+_)[0-9A-Za-z_-]+|(://[^\s/:@]*:)[^\s/@]+(?=@)")
_MASKED = r"\1\2***"


def harmless(text: str) -> str:
    """`text` with secrets masked and every character that is not printable shown as an escape."""
    if "pulseops_" in text or "://" in text:
        text = _SECRETS.sub(_MASKED, text)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _harmless(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            # A traceback keeps its lines; every other text is one line.
            event[key] = (
                "\n".join(map(harmless, value.splitlines())) if key == "exception" else harmless(value)
            )
    return event


def _text(value: Any) -> str:
    return harmless(str(value))


_encoder = msgspec.json.Encoder(enc_hook=_text)


def _json(event: Any, **_: Any) -> str:
    # Ten times as fast, but what it leaves as it is may be a terminal's sequence, and what it cannot encode
    # must not end who only wanted to tell of it.
    with suppress(ValueError, TypeError, OverflowError, msgspec.MsgspecError):
        line = _encoder.encode(event)
        if line.isascii():
            return line.decode()
    return json.dumps(event, default=_text, separators=(",", ":"))


class _Lossy(io.TextIOBase):
    """stderr; a line that it does not take is lost. A full disk must not end who wanted to tell of it."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def processors(log_format: Literal["json", "console"]) -> tuple[list[Processor], Processor]:
    """What every line goes through, and what renders it at the end."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _harmless,
    ]
    if log_format == "json":
        return shared, structlog.processors.JSONRenderer(serializer=_json)
    return shared, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)


def configure(log_format: Literal["json", "console"], level: str) -> None:
    """Send structlog's and the standard library's lines (uvicorn's, arq's, asyncio's) down the same road."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared, render = processors(log_format)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Lossy())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_Lossy())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "arq"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # The access line would repeat query strings; what was done is logged where it is done.
    logging.getLogger("uvicorn.access").disabled = True
    # These two speak of every connection and every statement.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
