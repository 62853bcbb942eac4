"""What can go wrong, in the domain's words. The docstring is the message; HTTP statuses live at the edge."""

from typing import ClassVar
from uuid import UUID


class PulseOpsError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()


class NotFound(PulseOpsError):
    """There is no such thing."""

    code = "not-found"


class InvalidTransition(PulseOpsError):
    """The incident's status does not allow this."""

    code = "invalid-transition"

    def __init__(self, message: str, *, current: str) -> None:
        super().__init__(message)
        self.current = current


class InUse(PulseOpsError):
    """Something else stands on it."""

    code = "in-use"


class InvalidInput(PulseOpsError):
    """A field is not acceptable."""

    code = "invalid-input"

    def __init__(self, message: str, *, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class VersionConflict(PulseOpsError):
    """The incident has changed since you read it."""

    code = "version-conflict"

    def __init__(self, *, expected: int, current: int) -> None:
        super().__init__(f"You expected version {expected}, but the current version is {current}.")
        self.expected, self.current = expected, current


class NameTaken(PulseOpsError):
    """Another stream holds this name."""

    def __init__(self, *, name: str, holder: UUID) -> None:
        super().__init__(f"{name!r} is held by {holder}.")
        self.name, self.holder = name, holder


class CommandReused(PulseOpsError):
    """This Idempotency-Key was used before with a different request."""

    code = "idempotency-key-reused"


class Overloaded(PulseOpsError):
    """More work is waiting than can be answered in time. Nothing was stored."""

    code = "overloaded"


class Unavailable(PulseOpsError):
    """The database does not answer. Nothing was stored."""

    code = "unavailable"


class DiskFull(Unavailable):
    """The database's disk is full. Nothing was stored."""


class OutcomeUnknown(PulseOpsError):
    """The outcome is unknown: it may or may not be stored. Repeat with the same Idempotency-Key."""

    code = "outcome-unknown"


class Behind(Unavailable):
    """The read model has not come to that position yet. Ask again in a moment."""

    code = "behind"
