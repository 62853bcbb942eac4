"""Identity: what is derived today must be derived for ever."""

from uuid import UUID

from pulseops.kernel.ids import derived_id


def test_the_same_parts_give_the_same_id_for_ever() -> None:
    escalation = derived_id("escalate", 1, UUID(int=1), "critical", 2)
    assert escalation == UUID("0a5c5a62-1f63-576c-913b-8b5340e8d3ec")
    key = derived_id("idempotency-key", "überall", "\N{SNOWMAN}")
    assert key == UUID("525395ac-3669-5d26-952e-5bc63f16e490")


def test_parts_do_not_run_together() -> None:
    assert derived_id("ab", "c") != derived_id("a", "bc") != derived_id("abc")
