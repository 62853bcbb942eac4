"""Cursors: a place in a list as text, which only fits the list that it came from.

It is a checksum, not a seal, that makes it fit: a place gives nobody more than the list itself would.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

_SUM = 8
"""Bytes of the checksum."""


def written(place: bytes, of: bytes) -> str:
    """`of` is all that decides what the list is and how it is sorted."""
    return urlsafe_b64encode(place + _checksum(place, of)).decode().rstrip("=")


def read(cursor: str, of: bytes) -> bytes | None:
    """The place; None when the cursor is of another list, or nobody's."""
    try:
        place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:-_SUM]
    except ValueError:
        return None
    # The text itself is compared: there is one way to write a cursor.
    return place if cursor == written(place, of) else None


def _checksum(place: bytes, of: bytes) -> bytes:
    return blake2b(len(of).to_bytes(8, "big") + of + place, digest_size=_SUM).digest()
