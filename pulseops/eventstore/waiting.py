"""Requests that wait for the writer: a bounded queue, and which of them may share a batch."""

from asyncio import Future
from collections import deque
from collections.abc import Hashable, Sequence
from itertools import chain
from uuid import UUID

from pulseops.eventstore.append import AppendRequest, AppendResult
from pulseops.kernel.errors import OutcomeUnknown, Overloaded, Unavailable

BATCH_REQUESTS = 500
BATCH_BYTES = 1024 * 1024
Trouble = type[Overloaded] | type[Unavailable]
"""Why nothing was stored."""
# How far a batch looks past requests that must wait for the next one.
_LOOK_PAST = 2_000


class Pending:
    """A request, or a group of them that stays together, and the caller's answer: a result for each.

    `flying`: sent, and not answered yet. `doubtful`: sent before, and the connection broke, so that it may be
    stored. `alone`: it was in a batch that PostgreSQL refused, so it goes by itself.
    """

    __slots__ = ("alone", "answer", "deadline", "doubtful", "flying", "keys", "payload", "requests")

    def __init__(
        self,
        requests: tuple[AppendRequest, ...],
        payload: bytes,
        answer: "Future[Sequence[AppendResult]]",
        deadline: float,
    ) -> None:
        self.requests, self.payload, self.answer, self.deadline = requests, payload, answer, deadline
        self.keys = (
            keys(requests[0]) if len(requests) == 1 else tuple(chain.from_iterable(map(keys, requests)))
        )
        self.flying = self.doubtful = self.alone = False

    def expire(self, trouble: Trouble = Unavailable) -> None:
        """Tell the caller what is certain: that nothing was stored, and why, or that nobody knows."""
        if not self.answer.done():
            self.answer.set_exception(OutcomeUnknown() if self.flying or self.doubtful else trouble())


def keys(request: AppendRequest) -> tuple[Hashable, ...]:
    """What no other request of its batch may have. Without events, its stream and names stay as they are."""
    if not request.events:
        return (request.command_id,)
    if request.take is None and request.release is None:
        return (request.stream_id, request.command_id)
    return (request.stream_id, request.command_id, *({request.take, request.release} - {None}))


def landed(request: AppendRequest) -> tuple[UUID, int]:
    """Its stream, and the version at which that is once the request is stored."""
    return request.stream_id, request.expected_version + len(request.events)


class Waiting:
    """First come, first served, except that one batch has each stream, command id and name once.

    A group counts as one, but for the size of a batch.
    """

    def __init__(self, *, most_requests: int, most_bytes: int) -> None:
        self._queue: deque[Pending] = deque()
        self._bytes = 0
        self._most_requests, self._most_bytes = most_requests, most_bytes

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, pending: Pending) -> None:
        """Raises Overloaded."""
        size = len(pending.payload)
        if len(self._queue) >= self._most_requests or (self._queue and self._bytes + size > self._most_bytes):
            raise Overloaded
        self._queue.append(pending)
        self._bytes += size

    def put_back(self, batch: list[Pending]) -> None:
        """To the front, in their order: they have waited longest. Never refused."""
        self._queue.extendleft(reversed(batch))
        self._bytes += sum(len(pending.payload) for pending in batch)

    def take(self, most: int = BATCH_REQUESTS) -> list[Pending]:
        """The next batch, of at most `most` requests; empty when nobody waits for an answer any more."""
        batch: list[Pending] = []
        passed: list[Pending] = []
        seen: set[Hashable] = set()
        size = taken = 0
        while self._queue and taken < most and len(passed) < _LOOK_PAST:
            pending = self._queue.popleft()
            self._bytes -= len(pending.payload)
            if pending.answer.done():
                continue
            count = len(pending.requests)
            if batch and (
                pending.alone
                or batch[0].alone
                or size + len(pending.payload) > BATCH_BYTES
                or taken + count > most
            ):
                passed.append(pending)
                break
            if seen.isdisjoint(pending.keys):
                seen.update(pending.keys)
                size += len(pending.payload)
                taken += count
                batch.append(pending)
            else:
                passed.append(pending)
        self.put_back(passed)
        return batch

    def take_all(self) -> list[Pending]:
        """Everybody, when there will be no further batch."""
        everybody = list(self._queue)
        self._queue.clear()
        self._bytes = 0
        return everybody

    def expire(self, now: float, trouble: Trouble) -> None:
        """Answer and forget those whose deadline is past; they stand in the order of their deadlines."""
        while self._queue and (self._queue[0].answer.done() or self._queue[0].deadline <= now):
            pending = self._queue.popleft()
            self._bytes -= len(pending.payload)
            pending.expire(trouble)
