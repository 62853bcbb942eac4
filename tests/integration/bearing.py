"""Whoever asks with another key, and what is known of its use."""

from typing import Any

from pulseops.access.audit import Auditor
from tests.serving import Api


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def flushed(api: Api) -> list[dict[str, Any]]:
    """What the audit trail tells once everything was written."""
    auditor: Auditor = api.app.state.auditor
    auditor._due = min(auditor._due, 0.0)
    await auditor.flush()
    items: list[dict[str, Any]] = (await api.get("/audit")).json()["items"]
    return items
