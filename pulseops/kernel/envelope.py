"""The words everyone speaks: a fact, its envelope once recorded, and the context a decision is made in."""

from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from msgspec import Struct


class Fact(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Something that happened. Subclasses are stored for ever: a new meaning is a new schema version."""

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1


F_co = TypeVar("F_co", bound=Fact, covariant=True)


class Meta(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who made it happen, and in answer to what."""

    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None


class Recorded(Struct, Generic[F_co], frozen=True, kw_only=True):
    """A fact in its place in history.

    `position` is gap-free per log and agrees with commit order; `version` is gap-free per stream, from 1.
    `occurred_at` is the caller's claim; `recorded_at` is the database's clock, never decreasing in a log.
    """

    log_id: int
    position: int
    stream_id: UUID
    version: int
    event_id: UUID
    command_id: UUID
    occurred_at: datetime
    recorded_at: datetime
    fact: F_co
    meta: Meta


class Context(Struct, frozen=True, kw_only=True):
    """Time, identity and actor: what a decision may know besides the command and the state.

    `command_id` makes the command idempotent; `fingerprint` tells two commands under one id apart.
    `occurred_at` is the caller's claim, when it makes one.
    """

    actor: str
    now: datetime
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None = None
    fingerprint: UUID | None = None
    occurred_at: datetime | None = None
