"""What is refused before anything is decided, and what exactly is wrong with it."""

from collections.abc import Iterable

from msgspec import Struct

from pulseops.kernel.errors import PulseOpsError

Header = tuple[bytes, bytes]


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What exactly is wrong, and where: a JSON pointer into the body, a query parameter, or a header."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Refused(PulseOpsError):
    """The request is refused before anything is decided."""

    def __init__(
        self, code: str, detail: str, *, errors: Iterable[Fault] = (), headers: Iterable[Header] = ()
    ) -> None:
        super().__init__(detail)
        self.kind, self.errors, self.headers = code, tuple(errors), tuple(headers)
