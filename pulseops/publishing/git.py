"""The program git on one repository: what it says, or Unreachable with why it does not."""

import asyncio
import os
import re
import signal
from contextlib import suppress
from pathlib import Path

from pulseops.audit.shelf import Unreachable

_SECONDS = 60.0
"""That a command may take."""
_HIDDEN = re.compile(r"(?<=//)\S+(?=@)")
"""Who, and with which password, in a URL: up to the last @, because a password may hold others."""
_OURS = ("PULSEOPS_", "PG", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class Git:
    def __init__(self, repository: Path) -> None:
        self.repository = repository

    async def __call__(self, *arguments: str, given: bytes = b"") -> str:
        """What it prints, without the last newline."""
        return (await self.raw(*arguments, given=given)).decode(errors="replace").removesuffix("\n")

    async def raw(self, *arguments: str, given: bytes = b"") -> bytes:
        process = await self.begun(*arguments)
        try:
            return await ended(process, given)
        except Unreachable as error:
            raise Unreachable(f"git {arguments[0]}: {error}") from error

    async def begun(self, *arguments: str) -> asyncio.subprocess.Process:
        # A session of its own has no terminal to ask for a password at. It gets no secret of ours.
        environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        try:
            return await asyncio.create_subprocess_exec(
                "git",
                f"--git-dir={self.repository}",
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
                start_new_session=True,
            )
        except OSError as error:
            raise Unreachable(f"git cannot be run: {error.strerror}.") from error


async def tell(process: asyncio.subprocess.Process, words: bytes) -> None:
    """To its input. Where it is gone already, `ended` says why."""
    if process.stdin is not None:
        try:
            async with asyncio.timeout(_SECONDS):
                process.stdin.write(words)
                await process.stdin.drain()
        except TimeoutError:
            raise Unreachable(f"git takes in nothing for {_SECONDS:.0f} seconds.") from None
        except (OSError, RuntimeError):
            pass


async def ended(process: asyncio.subprocess.Process, given: bytes = b"") -> bytes:
    """What it printed until its end; that comes also when nobody waits for it any more."""
    try:
        async with asyncio.timeout(_SECONDS):
            told, complaint = await process.communicate(given)
    except TimeoutError:
        raise Unreachable(f"It took more than {_SECONDS:.0f} seconds.") from None
    finally:
        await kill(process)
    if process.returncode != 0:
        raise Unreachable(said(complaint) or f"It ended with {process.returncode}.")
    return told


async def kill(process: asyncio.subprocess.Process) -> None:
    """With whatever it started, such as ssh."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def said(complaint: bytes) -> str:
    """On one line, and without who may sign in."""
    return _HIDDEN.sub("***", " ".join(complaint.decode(errors="replace").split()))[:300]
