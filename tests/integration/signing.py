"""Signatures made to look old."""

import asyncpg


async def long_ago(admin: asyncpg.Connection) -> None:
    await admin.execute("UPDATE audit.checkpoint SET signed_at = signed_at - interval '1 hour'")
