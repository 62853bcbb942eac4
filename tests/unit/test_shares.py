"""Workers that reckon alike share everything out: all of it, evenly, and nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from pulseops.subscriptions.shares import share

names = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=7, unique=True)


@given(names, st.lists(st.integers(1, 9), max_size=8))
def test_the_shares_make_up_the_whole_and_differ_by_one_at_most(workers: list[str], sizes: list[int]) -> None:
    shares = [share(workers, one, sizes) for one in workers]
    assert [sum(each) for each in zip(*shares, strict=True)] == sizes
    for each in (*zip(*shares, strict=True), [sum(mine) for mine in shares]):
        assert max(each) - min(each) <= 1


def test_one_shard_each_goes_round() -> None:
    assert [share(["a", "b"], one, [1, 1, 1]) for one in ("a", "b")] == [[1, 0, 1], [0, 1, 0]]
    assert [share(["b", "a"], one, [4]) for one in ("a", "b")] == [[2], [2]]
