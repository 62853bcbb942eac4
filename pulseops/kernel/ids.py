"""Identity: time-ordered ids for new things, derived ids for repeatable ones."""

from uuid import UUID

import uuid_utils
import uuid_utils.compat

_DERIVED = uuid_utils.UUID("5b0e8f0a-6f0e-5f0c-9d53-7d8f4b3a2c11")


def new_id() -> UUID:
    """A new time-ordered identifier (UUIDv7, RFC 9562)."""
    return uuid_utils.compat.uuid7()


def derived_id(*parts: object) -> UUID:
    """The same identifier for the same parts, for ever (UUIDv5): makes a repeated command recognisable."""
    return UUID(int=uuid_utils.uuid5(_DERIVED, "\x1f".join(map(str, parts))).int)
