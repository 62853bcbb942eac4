"""`pulseops events export --url …`: the same three files, for whoever has no more than an API key."""

import asyncio
import re
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

from msgspec.structs import replace

from pulseops.archive.carrying import Carried, Origin, Shape, Tell, prove
from pulseops.audit.tiles import WIDTH, Place, Tiles
from pulseops.client import NotUnderstood, PulseOps, Refused
from pulseops.eventstore.cloudevents import position_of
from pulseops.eventstore.export import Wanted
from pulseops.eventstore.part import NotItsPart, Part, part_of

_SOURCE = re.compile(rb',"source":"/pulseops/logs/([0-9]+)"')


def fetch(client: PulseOps, wanted: Wanted, file: Path, tell: Tell, *, shape: Shape | None = None) -> Carried:
    """As `audit.carrying.carry`, from the log of the client's key.

    The hashes come from the tiles of the tree, and the manifest is made here: it says of the file what came.
    """
    asked, note = wanted.asked, _checkpoint(client)
    signed = Origin("", 0, note).signed
    if wanted.up_to is None and signed is not None:
        wanted = replace(wanted, up_to=signed.size)
    wanted, first = _positions(client, wanted)
    found = _SOURCE.search(first)
    log = "" if signed is None else signed.origin.rpartition("/")[2]
    origin = Origin(log, int(found[1]) if found else 0, note)
    size = 0 if signed is None else signed.size

    async def find(places: Iterable[Place]) -> Tiles:
        return {one: client.proofs.tile(one.level, one.index, width=_width(one, size)) for one in places}

    with part_of(file, asked) as part:
        _write(client, wanted, part, tell)
        made = asyncio.run(prove(origin, wanted, part.path, file, find=find, tell=tell, shape=shape))
        part.finish(file, made.path)
    return made


def _checkpoint(client: PulseOps) -> str | None:
    try:
        return client.proofs.checkpoint()
    except Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _positions(client: PulseOps, wanted: Wanted) -> tuple[Wanted, bytes]:
    """The same with both its positions, and its first line, if there is any."""
    answer = client.history.page.answer(
        after=wanted.after,
        up_to=wanted.up_to,
        since=wanted.since,
        until=wanted.until,
        type=wanted.types,
        incident=wanted.streams,
        limit=1,
    )
    up_to, first = answer.position, b"".join(answer.value.items)
    if up_to is None:
        raise NotUnderstood("The answer does not say up to which position it goes.")
    after = wanted.after
    if not (wanted.types or wanted.streams):
        after = position_of(first) - 1 if first else up_to
    return replace(wanted, after=after, up_to=up_to), first


def _write(client: PulseOps, wanted: Wanted, part: Part, tell: Tell) -> None:
    """All lines, from where the part ends. Raises NotItsPart."""

    def pages(after: int, up_to: int, limit: int) -> Iterable[bytes]:
        for answer in client.history.lines.pages(
            after=after,
            up_to=up_to,
            since=wanted.since,
            until=wanted.until,
            type=wanted.types,
            incident=wanted.streams,
            limit=limit,
        ):
            yield answer.body

    at, up_to = wanted.after, wanted.up_to or 0
    if part.last is not None:
        try:
            at = position_of(part.last)
        except ValueError as error:
            raise NotItsPart("Its last line is not one of an export.") from error
        if not wanted.after < at <= up_to or b"".join(pages(at - 1, at, 2)) != part.last:
            raise NotItsPart(f"Its last line is not what this export has at position {at}.")
    for page in pages(at, up_to, 500):
        part.write(page)
        part.settle()
        if page:
            at = position_of(page[page.rfind(b"\n", 0, -1) + 1 :])
        tell("events", at, up_to)


def _width(place: Place, size: int) -> int:
    """How many hashes a tile has in a tree of so many leaves."""
    hashes = size >> (8 * place.level)
    return WIDTH if place.index < hashes // WIDTH else hashes % WIDTH
