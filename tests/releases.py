"""The release after this one: a copy of it that has one more revision, run as processes of its own."""

import os
import shutil
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from pulseops.db.schema import PACKAGE, expected_revision, migrations_folder

_REVISION = '''"""What a later release might bring."""

from alembic import op

revision = "9999_later"
down_revision = "{head}"
branch_labels = None
depends_on = None
oldest_code = "{oldest_code}"


def upgrade() -> None:
    op.execute("{upgrade}")


def downgrade() -> None:
    pass
'''


async def start(command: str, folder: Path = PACKAGE.parent, **settings: str) -> Process:
    """`pulseops <command>` of the release in `folder`, of this one unless told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULSEOPS_")}
    given = {f"PULSEOPS_{name.upper()}": value for name, value in settings.items()}
    return await create_subprocess_exec(
        sys.executable,
        "-m",
        "pulseops",
        command,
        cwd=folder,
        env=kept | given | {"PYTHONPATH": str(folder)},
        stdout=PIPE,
        stderr=PIPE,
    )


def later_release(folder: Path, *, upgrade: str, oldest_code: str | None = None) -> Path:
    """Makes it in `folder`. `upgrade` is its revision's statement; it bears this release, unless told."""
    head = expected_revision()
    shutil.copytree(PACKAGE, folder / "pulseops", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(migrations_folder(), folder / "migrations")
    text = _REVISION.format(head=head, oldest_code=oldest_code or head, upgrade=upgrade)
    (folder / "migrations" / "versions" / "9999_later.py").write_text(text)
    return folder
