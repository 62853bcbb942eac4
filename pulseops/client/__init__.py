"""PulseOps from Python: `PulseOps` for blocking calls, `AsyncPulseOps` for awaited ones (docs/client.md)."""

from pulseops.audit.note import Verifier
from pulseops.audit.proof import NotProved
from pulseops.catalog.commands import LinkValue, MemberValue, ServiceValue, TeamValue
from pulseops.client.address import Unusable
from pulseops.client.api import AsyncPulseOps, PulseOps
from pulseops.client.call import Answer
from pulseops.client.definitions import KeyDefinition, UserGrant
from pulseops.client.errors import (
    ClientError,
    Fault,
    NotUnderstood,
    OutcomeUnknown,
    Problem,
    Refused,
    Unreachable,
)
from pulseops.client.terms import Terms
from pulseops.incidents.commands import Create
from pulseops.kernel.moments import At

__all__ = [
    "Answer",
    "AsyncPulseOps",
    "At",
    "ClientError",
    "Create",
    "Fault",
    "KeyDefinition",
    "LinkValue",
    "MemberValue",
    "NotProved",
    "NotUnderstood",
    "OutcomeUnknown",
    "Problem",
    "PulseOps",
    "Refused",
    "ServiceValue",
    "TeamValue",
    "Terms",
    "Unreachable",
    "Unusable",
    "UserGrant",
    "Verifier",
]
