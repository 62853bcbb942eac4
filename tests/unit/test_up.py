"""The parts of `up` that need no server."""

import asyncio
import errno
import fcntl
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from pulseops.settings import Settings
from pulseops.up.account import ourselves
from pulseops.up.address import Address, choose
from pulseops.up.attention import Attention, Hurried, Stopped
from pulseops.up.demo import LOCKED_OUT, OPENING, Demo, samples
from pulseops.up.home import Home, HomeBusy, is_private, write_private
from pulseops.up.parts import POLITE, Watch, stop_all
from pulseops.up.processes import CannotStart, Child, Mark, wait_until
from pulseops.up.supervisor import Wish, run


@pytest.fixture
def attention() -> Iterator[Attention]:
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(name) for name in names]
    listening = Attention()
    listening.listen()
    yield listening
    for name, handler in zip(names, before, strict=True):
        signal.signal(name, handler)


def test_the_first_signal_stops_the_second_hurries_and_more_change_nothing(attention: Attention) -> None:
    attention.rest(0)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Stopped):
        attention.rest(60)
    attention.rest(0)
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Hurried):
        attention.rest(60)
    attention.rest(0)


def test_a_mark_is_not_met_by_another_process_of_the_same_number(tmp_path: Path) -> None:
    mine = Mark.of(os.getpid())
    assert mine is not None
    mine.write(tmp_path / "mine")
    assert Mark.read(tmp_path / "mine") == mine
    Mark(mine.pid, "1").write(tmp_path / "older")
    assert Mark.read(tmp_path / "older") is None
    (tmp_path / "torn").write_text("")
    assert Mark.read(tmp_path / "torn") is None


def test_one_up_a_home(ground: Path) -> None:
    home = Home(ground / "one")
    with home.held():
        assert home.is_held()
        with pytest.raises(HomeBusy, match=f"process {os.getpid()}"), Home(home.path).held():
            pass
    assert not home.is_held()
    assert home.servers() == home.servers()
    assert is_private(home.path / "servers.json")


def test_who_only_looks_whether_a_home_is_held_stops_no_start(ground: Path) -> None:
    home = Home(ground / "looked-at")
    with (home.path / "lock").open("w") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        looked = threading.Timer(0.05, looker.close)
        looked.start()
        with home.held():
            assert home.is_held()
        looked.join()


def test_a_secret_is_written_through_nobodys_link(tmp_path: Path) -> None:
    precious, secret = tmp_path / "precious", tmp_path / "secret"
    precious.write_text("kept")
    precious.chmod(0o644)
    for link in (secret, tmp_path / f".secret.{os.getpid()}"):
        link.symlink_to(precious)
    write_private(secret, b"hidden", owner=ourselves())
    assert precious.read_text() == "kept"
    assert (secret.read_text(), secret.is_symlink(), is_private(secret)) == ("hidden", False, True)


def test_a_secret_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()  # which no file can replace
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "secret", b"hidden", owner=ourselves())
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


class Mortal:
    """A part that dies whenever it is told to."""

    name, log = "mortal", Path("mortal.log")

    def __init__(self) -> None:
        self.code: int | None = None
        self.starts = 0
        self.refuses: Exception | None = None

    def start(self) -> None:
        self.starts += 1
        if self.refuses is not None:
            raise self.refuses
        self.code = None

    def ended(self) -> int | None:
        return self.code

    def stop(self, *, hurry: bool = False) -> None: ...


def test_a_part_that_keeps_dying_is_started_ever_more_slowly() -> None:
    part, delays, now = Mortal(), list[float](), 0.0
    watch = Watch(part, now=now)
    for _ in range(8):
        part.code = -9
        assert "signal 9" in (watch.look(now) or "")
        before = now
        while part.code is not None:
            now += 0.25
            watch.look(now)
        delays.append(now - before)
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]
    now += 61
    part.code = 3
    assert "starting it again in 0.5 s" in (watch.look(now) or "")


@pytest.mark.parametrize(
    "refusal", [CannotStart("No."), OSError(errno.ENOSPC, "No space left on device", "run/mortal")]
)
def test_a_part_that_cannot_be_started_is_tried_again(refusal: Exception) -> None:
    part = Mortal()
    watch = Watch(part, now=0)
    part.code, part.refuses = 1, refusal
    watch.look(0)
    assert re.search(r"No\.|mortal cannot be started: run/mortal: No space left", watch.look(1) or "")
    part.refuses = None
    assert watch.look(3) == "mortal is running again."
    assert watch.look(4) is None


def test_a_part_that_has_to_follow_another_is_started_again_and_may_refuse() -> None:
    part = Mortal()
    watch = Watch(part, now=0)
    watch.renew(5)
    part.refuses = CannotStart("No.")
    assert "No." in (watch.look(5) or "")
    part.refuses = None
    assert watch.look(6) == "mortal is running again."
    assert part.starts == 2


def test_what_cannot_be_noted_down_ends_nothing(ground: Path) -> None:
    home = Home(ground / "full")
    before = home.servers()
    # A folder of its name is in the way of the file that is written first.
    in_the_way = home.path / f".servers.json.{os.getpid()}"
    in_the_way.mkdir()
    home.remember_port(postgres=1, redis=2)
    in_the_way.rmdir()
    assert home.servers() == before
    child = Child(
        ["/bin/cat"],
        mark=home.run / "none" / "cat",
        log=home.log("cat"),
        account=ourselves(),
        ladder=POLITE,
        cwd=home.path,
    )
    assert wait_until(lambda: child.ended() == 0, 10)
    child.stop()


class Slow(Mortal):
    """Is asked to hurry, twice, while it is stopped."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self._attention, self.stops = attention, list[bool]()

    def stop(self, *, hurry: bool = False) -> None:
        self.stops.append(hurry)
        if len(self.stops) <= 2:
            os.kill(os.getpid(), signal.SIGINT)
        self._attention.rest(0)


def test_the_second_ctrl_c_after_a_start_that_failed_still_stops_every_part(attention: Attention) -> None:
    first, last = Slow(attention), Slow(attention)
    stop_all([first, last])
    assert first.stops == [False, True, True]
    assert last.stops == [True]


async def test_ctrl_c_is_heard_while_something_is_awaited(attention: Attention) -> None:
    ended = asyncio.Event()

    async def for_ever() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(Stopped):
        await attention.heeding(for_ever())
    assert ended.is_set()


async def test_what_is_awaited_brings_its_result_or_its_error(attention: Attention) -> None:
    assert await attention.heeding(asyncio.sleep(0, result=7)) == 7
    with pytest.raises(CannotStart, match="No"):
        await attention.heeding(_refusing())


async def _refusing() -> None:
    raise CannotStart("No.")


@pytest.mark.parametrize(
    ("host", "url", "open_to_others"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", False),
        ("0.0.0.0", "http://127.0.0.1:8000", True),
        ("::", "http://[::1]:8000", True),
        ("::1", "http://[::1]:8000", False),
        ("localhost", "http://localhost:8000", False),
    ],
)
def test_the_address_is_told_as_one_calls_it_from_here(host: str, url: str, open_to_others: bool) -> None:
    address = Address(host, 8000)
    assert (address.url, address.open_to_others) == (url, open_to_others)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1"):
        choose("192.0.2.1", 0, insist=True)


def test_a_free_port_is_only_taken_where_ours_is_in_use() -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1"):
        choose("192.0.2.1", 0, insist=False)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert choose("127.0.0.1", taken, insist=False).port != taken


@pytest.mark.parametrize("port", [-1, 65536, 80000])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(CannotStart, match="from 0 to 65535"):
        choose("127.0.0.1", port, insist=False)


@pytest.mark.usefixtures("attention")
def test_a_home_that_cannot_be_one_is_refused_in_a_sentence(
    ground: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    occupied = ground / "a file"
    occupied.write_text("")
    for home in (occupied, occupied / "under it"):
        wish = Wish(home=home, host=None, port=0, rules=None, demo=False)
        assert run(Settings(), wish, {}) == 1
        said = capsys.readouterr().out
        assert said.startswith(f"✗ {home}: ")
        assert "doctor" in said


def test_the_demo_says_that_its_key_opens_nothing_and_what_to_do_and_ends() -> None:
    told = Console(file=StringIO(), force_terminal=True, width=80, color_system=None, soft_wrap=True)
    refusing = httpx.MockTransport(lambda _: httpx.Response(401))
    with httpx.Client(transport=refusing, base_url="http://h") as client:
        play = threading.Thread(
            target=Demo(client, told, quitting := threading.Event()).play, args=(samples(),)
        )
        play.start()
        play.join(20)
        ended = not play.is_alive()
        quitting.set()
        play.join()
    assert ended
    assert isinstance(told.file, StringIO)
    assert {*OPENING, LOCKED_OUT} <= {*told.file.getvalue().splitlines()}


@pytest.mark.parametrize(("columns", "whole"), [(None, True), (120, True), (80, False)])
def test_the_demo_names_incidents_as_commands_take_them_where_there_is_room(
    columns: int | None, whole: bool
) -> None:
    named = "019abcde-0000-7000-8000-0000000008cf"
    step = {"event": "CREATED", "timestamp": "2026-11-23T12:00:00Z", "position": 1}
    story = {"id": named, "title": "Disk full", "version": 1, "timeline": [step]}
    told = Console(file=StringIO(), force_terminal=columns is not None, width=columns, color_system=None)
    quitting = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/incident/"):
            quitting.set()
        return httpx.Response(200, json=story | {"items": [story]})

    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://h") as client:
        Demo(client, told, quitting).play(list(samples())[:1])
    assert isinstance(told.file, StringIO)
    [line] = [one for one in told.file.getvalue().splitlines() if "Disk full" in one]
    assert (named in line, " 08cf  Disk full" in line) == (whole, not whole)


def test_the_demo_tells_of_a_few_dozen_incidents() -> None:
    assert all(sample.incident["title"] for sample in samples())
    assert len(list(samples())) >= 24
