"""Which server, and which key goes to it."""

from pathlib import Path

import pytest

from pulseops.cli.target import DEFAULT_URL, Target, Unusable, find_target
from pulseops.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "admin.key").write_text("pulseops_home\n")
    return tmp_path


def test_a_running_up_is_found_through_its_home(home: Path) -> None:
    (home / "api.json").write_text('{"url": "http://127.0.0.1:8123/", "pid": 7}')
    assert find_target(Settings(home=home)) == Target(
        url="http://127.0.0.1:8123", key="pulseops_home", local=True
    )


@pytest.mark.parametrize("left", [None, "", "{", "[]", '{"url": 1}'])
def test_without_a_running_up_the_default_port_is_tried(home: Path, left: str | None) -> None:
    if left is not None:
        (home / "api.json").write_text(left)
    assert find_target(Settings(home=home)).url == DEFAULT_URL


def test_the_command_line_goes_before_the_settings_and_they_before_the_home(home: Path) -> None:
    (home / "api.json").write_text('{"url": "http://127.0.0.1:1"}')
    settings = Settings(home=home, url="http://127.0.0.1:2", api_key="from-settings")
    assert find_target(settings).url == "http://127.0.0.1:2"
    assert find_target(settings).key == "from-settings"
    (home / "other.key").write_text(" from-file \n")
    asked = find_target(settings, url="http://127.0.0.1:3", key_file=home / "other.key")
    assert asked == Target(url="http://127.0.0.1:3", key="from-file", local=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://pulseops.example",
        "http://10.0.0.7:8000",
        "http://127.0.0.1.example",
        "http://[2001:db8::1]:8000",
    ],
)
def test_the_homes_key_is_never_sent_to_another_machine(home: Path, url: str) -> None:
    assert find_target(Settings(home=home), url=url) == Target(url=url, key=None, local=False)
    assert find_target(Settings(home=home, api_key="mine"), url=url).key == "mine"


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.8.0.1", "http://[::1]:8000"])
def test_every_name_of_this_machine_is_local(home: Path, url: str) -> None:
    assert find_target(Settings(home=home), url=url).key == "pulseops_home"


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel", "tab\tbed"])
def test_a_file_that_holds_no_key_is_refused_without_showing_it(home: Path, key: str) -> None:
    (home / "odd.key").write_text(key)
    with pytest.raises(Unusable) as refused:
        find_target(Settings(home=home), key_file=home / "odd.key")
    assert not key or key not in str(refused.value)
