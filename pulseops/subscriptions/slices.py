"""What a projector works off at a time: a stretch of one log, or a part of its streams."""

from uuid import UUID

from msgspec import Struct


class Slice(Struct, frozen=True, kw_only=True):
    """The positions after `after` up to `up_to`, of the streams of one shard but those that are parked.

    With `only`, nothing but these streams: the retry of a parked one. A stream belongs to shard
    `bucket % shards`, where its bucket is the last byte of its id. `generation` says which tables of a read
    model are written.
    """

    log_id: int
    after: int
    up_to: int
    shard: int = 0
    shards: int = 1
    parked: tuple[UUID, ...] = ()
    only: tuple[UUID, ...] = ()
    generation: int = 1

    @property
    def parameters(self) -> tuple[int, int, int, int, int, tuple[UUID, ...], tuple[UUID, ...]]:
        """As `eventstore.slice_v1` takes them, and whatever reads from it."""
        return (self.log_id, self.after, self.up_to, self.shard, self.shards, self.parked, self.only)


def bucket(stream_id: UUID) -> int:
    """0 to 255; the same as `get_byte(uuid_send(stream_id), 15)` in SQL."""
    return stream_id.bytes[15]
