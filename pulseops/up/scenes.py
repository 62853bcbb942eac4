"""What people do in the demo: who there is, and what becomes of its incidents once so many are reported."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

TEAMS: dict[str, dict[str, Any]] = {
    "network": {"displayName": "Network", "lead": "ada", "chat": "https://chat.example.com/network"},
    "delivery": {"displayName": "Delivery", "lead": "grace", "members": [{"name": "linus"}]},
    "database": {"displayName": "Databases", "lead": "edgar"},
}
SERVICES: dict[str, dict[str, Any]] = {
    "edge": {
        "team": "network",
        "tier": 1,
        "runbooks": [{"title": "Take traffic away", "url": "https://wiki.example.com/drain"}],
    },
    "gitlab": {"team": "delivery", "tier": 2},
    "orders-db": {"team": "database", "tier": 1},
}


class Scene(Struct, frozen=True):
    """After so many reports, a command to the incident of a sample.

    `into` is the sample that it is merged into, `lasts` how long it is snoozed.
    """

    after: int
    sample: str
    command: str
    body: dict[str, Any] = {}
    into: str | None = None
    lasts: timedelta | None = None

    def sent(self, incidents: dict[str, UUID], now: datetime) -> dict[str, Any]:
        """The body, once it is known which incidents the samples have become. KeyError: not all are yet."""
        more: dict[str, Any] = {} if self.into is None else {"into": str(incidents[self.into])}
        if self.lasts is not None:
            more["until"] = (now + self.lasts).isoformat()
        return self.body | more


_LAG, _BUILDS, _DISK = "p-112764ad683f", "p-608b1207657e", "p-95eacae66db4"
_SWITCH, _GITLAB, _EDGE = "p-fa7b921ee7aa", "p-61e055e3d006", "p-8fabbe89781a"
_FIRMWARE, _ATTACK, _PENDING = "p-66db914efe3a", "p-bb404998fe01", "p-42bcbfe08bab"

SCENES = (
    Scene(2, _LAG, "acknowledge", {"note": "A backup runs on the replica."}),
    Scene(3, _LAG, "assign", {"responder": "edgar"}),
    Scene(5, _DISK, "snooze", {"note": "The logs are rotated at night."}, lasts=timedelta(hours=8)),
    Scene(6, _BUILDS, "acknowledge", {"note": "The mirror lacks a package."}),
    Scene(7, _LAG, "comment", {"text": "Down to 2 seconds, and falling."}),
    Scene(9, _LAG, "resolve", {"resolution": "recovered", "cause": "a backup that read from the replica"}),
    Scene(10, _SWITCH, "escalate", {"note": "Half of the office is offline."}),
    Scene(11, _SWITCH, "impact", {"services": ["office-wifi"], "customers": 0}),
    Scene(13, _EDGE, "acknowledge", {"note": "The new certificate is refused."}),
    Scene(14, _EDGE, "impact", {"services": ["edge", "checkout-api"], "customers": 1200}),
    Scene(15, _EDGE, "link", {"url": "https://status.example.com/42", "title": "What customers are told"}),
    Scene(16, _FIRMWARE, "category", {"category": "security", "note": "Nobody of us changed it."}),
    Scene(17, _EDGE, "comment", {"text": "Rolled the certificate back; traffic returns."}),
    Scene(18, _PENDING, "merge", {"note": "The same mirror."}, into=_BUILDS),
    Scene(19, _EDGE, "resolve", {"resolution": "fixed", "cause": "a certificate without its chain"}),
    Scene(20, _ATTACK, "escalate", {"to": "incident commander", "note": "The provider has to help."}),
    Scene(21, _GITLAB, "priority", {"priority": "low", "correction": True, "note": "The build hosts alone."}),
    Scene(22, _GITLAB, "edit", {"labels": {"planned": "next maintenance"}}),
)
