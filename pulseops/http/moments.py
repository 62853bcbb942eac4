"""Moments, as query strings say them; see `kernel/moments.py`."""

from typing import Annotated

from msgspec import Meta, Struct, field

from pulseops.kernel.moments import Moment, moment

_MOMENT = "a time with its offset, or a position of the log such as `@48213`"
LONGEST = 40
"""Characters of a moment."""

AsOf = Annotated[
    str, Meta(max_length=LONGEST, description=f"As it was then: {_MOMENT}. A time to come is now.")
]
_From = Annotated[str, Meta(max_length=LONGEST, description=f"The earlier moment: {_MOMENT}.")]
_To = Annotated[str, Meta(max_length=LONGEST, description="The later one, said alike; without it: now.")]


class Between(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two moments that are held against each other."""

    since: _From = field(name="from")
    until: _To | None = field(name="to", default=None)

    @property
    def moments(self) -> tuple[Moment, Moment | None]:
        """Raises InvalidInput."""
        until = None if self.until is None else moment(self.until, pointer="/to")
        return moment(self.since, pointer="/from"), until
