"""Which server, and which key goes to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulseops.cli.target import Target, find_target
from pulseops.client import Unusable
from pulseops.settings import Settings
from pulseops.up.home import Api, Home

URL = "http://127.0.0.1:8123"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Left by an `up` that was killed: it still says where its API was."""
    (tmp_path / "admin.key").write_text("pulseops_home\n")
    (tmp_path / "api.json").write_text(f'{{"url": "{URL}/", "pid": 7}}')
    return tmp_path


@pytest.fixture
def up(home: Path) -> Iterator[Home]:
    """One that runs."""
    running = Home(home)
    with running.held():
        running.announce(Api(url=URL, pid=7))
        yield running


@pytest.mark.usefixtures("up")
def test_a_running_up_is_found_through_its_home(home: Path) -> None:
    assert find_target(Settings(home=home)) == Target(url=URL, key="pulseops_home", local=True)
    assert find_target(Settings(home=home), url=f"{URL}/").key == "pulseops_home"


@pytest.mark.parametrize("left", ["", "{", "[]", '{"url": 1}'])
def test_a_home_whose_up_does_not_say_yet_where_it_listens_is_told_of(
    up: Home, home: Path, left: str
) -> None:
    (home / "api.json").write_text(left)
    with pytest.raises(Unusable, match="PulseOps does not run from"):
        find_target(Settings(home=up.path))


def test_without_a_running_up_no_server_is_guessed_and_no_key_sent(home: Path) -> None:
    with pytest.raises(Unusable, match=r"start it with `pulseops up`, or .* --url or PULSEOPS_URL"):
        find_target(Settings(home=home))
    with pytest.raises(Unusable, match="does not run"):
        find_target(Settings(home=home / "none", api_key="mine"))
    assert not (home / "none").exists()
    # Whoever listens there now is somebody else.
    assert find_target(Settings(home=home), url=URL) == Target(url=URL, key=None, local=True)


@pytest.mark.usefixtures("up")
def test_the_command_line_goes_before_the_settings_and_they_before_the_home(home: Path) -> None:
    settings = Settings(home=home, url="http://127.0.0.1:2", api_key="from-settings")
    assert find_target(settings).url == "http://127.0.0.1:2"
    assert find_target(settings).key == "from-settings"
    (home / "other.key").write_text(" from-file \n")
    asked = find_target(settings, url="http://127.0.0.1:3", key_file=home / "other.key")
    assert asked == Target(url="http://127.0.0.1:3", key="from-file", local=True)


@pytest.mark.usefixtures("up")
@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("https://pulseops.example", False),
        ("http://10.0.0.7:8123", False),
        ("http://127.0.0.1.example", False),
        ("http://[2001:db8::1]:8123", False),
        # On this machine, but whose?
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8123", True),
        ("http://[::1]:8123", True),
        ("https://127.0.0.1:8123", True),
    ],
)
def test_the_homes_key_is_sent_to_the_server_of_the_home_alone(home: Path, url: str, local: bool) -> None:
    assert find_target(Settings(home=home), url=url) == Target(url=url, key=None, local=local)
    assert find_target(Settings(home=home, api_key="mine"), url=url).key == "mine"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "http://",
        "http://127.0.0.1:80OO",
        "http://127.0.0.1:99999",
        "http://[::1",
        "http://[h]:8000",
        "http://pulse ops:8000",
        "http://pulseops..example",
        "http://h\x7f:8000",
    ],
)
def test_a_url_that_is_none_is_answered_with_the_shape_of_one(home: Path, url: str) -> None:
    with pytest.raises(Unusable, match="it should look like http://host:8000"):
        find_target(Settings(home=home), url=url)


@pytest.mark.parametrize("url", ["http://u:hunter2@h:8000", "http://u:hunter2@[::1", "http://u:hunter2@h:p"])
def test_a_password_in_a_url_is_refused_without_showing_it(home: Path, url: str) -> None:
    with pytest.raises(Unusable) as refused:
        find_target(Settings(home=home), url=url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel", "tab\tbed"])
def test_a_file_that_holds_no_key_is_refused_without_showing_it(home: Path, key: str) -> None:
    (home / "odd.key").write_text(key)
    with pytest.raises(Unusable) as refused:
        find_target(Settings(home=home), url=URL, key_file=home / "odd.key")
    assert not key or key not in str(refused.value)
