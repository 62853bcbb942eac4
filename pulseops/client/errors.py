"""What can go wrong for a caller: the server said no, nobody answered, or nobody knows what came of it."""

from msgspec import Struct


class Fault(Struct, frozen=True, kw_only=True):
    """What is wrong, and where: a JSON pointer into the body, a query parameter, or a header."""

    detail: str = ""
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Problem(Struct, frozen=True, kw_only=True, rename="camel"):
    """An RFC 9457 answer. `code` is stable; `correlation_id` finds the request in the server's logs.

    `current` is the incident's status, where that does not allow what was asked.
    """

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    code: str = ""
    detail: str = ""
    errors: tuple[Fault, ...] = ()
    current: str | None = None
    correlation_id: str | None = None


class ClientError(Exception):
    """The call did not come to its answer."""


class Refused(ClientError):
    """The server said no. `body` is its answer as it came, when that was a problem document.

    `retry_after` is in seconds, when the server named a time.
    """

    def __init__(self, problem: Problem, body: bytes | None = None, retry_after: float | None = None) -> None:
        sentences = [
            problem.title,
            problem.detail,
            *(
                f"{fault.pointer or fault.parameter or fault.header or ''} {fault.detail}".strip()
                for fault in problem.errors
            ),
        ]
        super().__init__(" | ".join(dict.fromkeys(one for one in sentences if one)))
        self.problem, self.body, self.retry_after = problem, body, retry_after

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def code(self) -> str:
        return self.problem.code


class Unreachable(ClientError):
    """No PulseOps answered, for as long as it was tried."""


class NotUnderstood(ClientError):
    """The answer is not what this version expects."""


class OutcomeUnknown(ClientError):
    """It may have been carried out. Repeat it under `idempotency_key`: that carries it out once at most.

    `reason` is what ended the last try.
    """

    def __init__(self, idempotency_key: str, reason: Refused | Unreachable) -> None:
        super().__init__(
            f"It may have been carried out; repeat it under idempotency key {idempotency_key}: {reason}"
        )
        self.idempotency_key, self.reason = idempotency_key, reason
