"""The door: open while there is room, ajar in a crowd, and never shut because of a few slow ones."""

from pulseops.http.admission import CROWDED, FREELY, LEAST, MOST, Admission


def enter(door: Admission, count: int, now: float) -> int:
    """How many of so many are let in."""
    entered = 0
    for _ in range(count):
        if door.admits(now):
            door.enter()
            entered += 1
    return entered


def work(door: Admission, *, each: float, count: int, now: float, took: float) -> float:
    """So many are answered, one after the other, each after it has been inside for `took`; the time then."""
    for _ in range(count):
        now += each
        door.leave(now - took, now)
    return now


def test_as_many_as_usual_are_let_in_however_long_they_take() -> None:
    door = Admission(0.0)
    assert enter(door, FREELY, 0.0) == FREELY
    assert enter(door, FREELY, 5.0) == 0, "nobody was answered for five seconds"


def test_in_a_crowd_fewer_are_let_in_until_there_was_nobody_to_refuse_for_a_second() -> None:
    door = Admission(0.0)
    enter(door, FREELY + 1, 0.2)
    now = work(door, each=0.001, count=FREELY, now=0.2, took=0.2)
    assert door.under_way == 0
    assert enter(door, FREELY, now) == CROWDED
    now = work(door, each=0.001, count=CROWDED, now=now, took=0.2)
    assert enter(door, FREELY, now + 1.1) == FREELY


def test_more_are_let_in_while_answers_come_quickly() -> None:
    door = Admission(0.0)
    enter(door, FREELY, 0.0)
    for tenth in range(1, 5):
        door.enter()
        door.leave(tenth / 10 - 0.002, tenth / 10)
    assert enter(door, 10 * MOST, 0.4) == MOST - FREELY


def test_slow_bodies_and_patient_readers_keep_nobody_out() -> None:
    door = Admission(0.0)
    enter(door, FREELY, 0.0)  # these dawdle
    now = 0.0
    for _ in range(400):
        now += 0.001
        assert enter(door, 1, now) == 1
        door.leave(now, now + 0.001)


def test_where_even_refusing_takes_long_still_fewer_are_let_in_but_never_none() -> None:
    door = Admission(0.0)
    enter(door, FREELY + 1, 0.2)
    now = work(door, each=0.001, count=FREELY, now=0.2, took=0.2)
    for _ in range(100):
        door.begin(0.02)
    assert enter(door, FREELY, now) == LEAST
    now = work(door, each=0.001, count=LEAST, now=now, took=0.2)
    for _ in range(1_000):
        door.begin(0.001)
    # The latest answers were slow: what comes beyond the room waits for nobody.
    assert enter(door, FREELY, now) == CROWDED
