"""The revision that this version needs."""

from alembic.script import ScriptDirectory

from pulseops.db.schema import expected_revision, migrations_folder


def test_the_expected_revision_is_the_one_that_alembic_upgrades_to() -> None:
    assert expected_revision() == ScriptDirectory(str(migrations_folder())).get_current_head()
