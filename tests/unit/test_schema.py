"""The revision that this version needs, and what each one says of the code before it."""

import pytest
from alembic.script import Script, ScriptDirectory

from pulseops.db.schema import expected_revision, migrations_folder

SCRIPTS = ScriptDirectory(str(migrations_folder()))


def test_the_expected_revision_is_the_one_that_alembic_upgrades_to() -> None:
    assert expected_revision() == SCRIPTS.get_current_head()


@pytest.mark.parametrize("script", list(SCRIPTS.walk_revisions()), ids=lambda script: script.revision)
def test_each_revision_says_the_oldest_code_that_it_bears(script: Script) -> None:
    oldest = getattr(script.module, "oldest_code", "it does not say: set oldest_code (docs/operations.md)")
    before = [one.revision for one in SCRIPTS.iterate_revisions(script.revision, "base")]
    assert oldest in before, "its own revision, or one before it"
