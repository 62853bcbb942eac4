"""How often a caller may come: the arithmetic, with a clock that the test holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseops.access.limits import Limiter, neighbourhood

_WINDOW = 2
_PAUSES = st.lists(st.sampled_from([0.0, 0.001, 0.3, 5.0]) | st.floats(0, 1), min_size=40, max_size=90)


@given(rate=st.integers(1, 9), pauses=_PAUSES)
def test_no_stretch_of_time_lets_more_in_than_the_rate_and_the_burst(rate: int, pauses: list[float]) -> None:
    limiter, now, taken = Limiter(window=_WINDOW), 0.0, list[float]()
    for pause in pauses:
        now += pause
        if not limiter.take("a", rate, now):
            taken.append(now)
    for first, began in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= rate * (taken[last] - began + _WINDOW) + 0.02


@given(rate=st.integers(1, 9), pauses=_PAUSES)
def test_who_waits_as_long_as_told_is_let_in(rate: int, pauses: list[float]) -> None:
    limiter, now = Limiter(window=_WINDOW), 0.0
    for pause in pauses:
        now += pause
        told = limiter.wait("a", rate, now)
        assert limiter.wait("a", rate, now) == told, "asking costs nothing"
        wait = limiter.take("a", rate, now)
        assert wait == told
        if wait:
            assert wait <= 1.01 / rate
            now += wait
            assert not limiter.take("a", rate, now)


@pytest.mark.parametrize("rate", [1, 3, 1000])
def test_after_a_pause_there_is_one_whole_burst_and_no_more(rate: int) -> None:
    limiter = Limiter(window=_WINDOW)
    for now in (0.0, 1_000.0, 1e6):
        assert sum(not limiter.take("a", rate, now) for _ in range(3 * rate * _WINDOW)) == rate * _WINDOW


def test_being_refused_does_not_lengthen_the_wait_and_others_are_not_disturbed() -> None:
    limiter = Limiter(window=_WINDOW)
    waits = [limiter.take("a", 1, 0.0) for _ in range(100)]
    assert waits == [0.0, 0.0, *[1.0] * 98]
    assert limiter.take("b", 1, 0.0) == 0.0


def test_a_clock_that_is_set_back_neither_locks_out_nor_gives_a_second_burst() -> None:
    limiter = Limiter(window=_WINDOW)
    assert [limiter.take("a", 1, 1e6) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert limiter.take("a", 1, 0.0) == 1.0
    assert limiter.take("a", 1, 1.0) == 0.0
    assert limiter.take("a", 1, 1.0) == 1.0


def test_it_remembers_so_many_and_who_is_idle_is_forgotten_first() -> None:
    limiter = Limiter(window=_WINDOW, kept=100)
    admitted = sum(not limiter.take(f"caller {n}", 1, 0.0) for n in range(10_000))
    assert len(limiter) == 101
    assert admitted == 100 + _WINDOW, "those who came too late share a bucket"
    assert limiter.take("somebody", 1, 10.0) == 0.0
    assert len(limiter) == 1


def test_who_is_told_to_wait_is_told_in_whole_seconds_and_structured_fields() -> None:
    assert dict(Limiter(window=2).verdict(0.001, 50).headers) == {
        b"retry-after": b"1",
        b"ratelimit-policy": b'"default";q=100;w=2',
        b"ratelimit": b'"default";r=0;t=1',
    }
    assert dict(Limiter(window=2).verdict(1.2, 1).headers)[b"retry-after"] == b"2"


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/socket", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_stands_for_one_host(address: str | None, whose: str) -> None:
    assert neighbourhood(address) == whose
