"""The file that says how people sign in is read strictly, and claims mean what it says and nothing more."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pulseops.access.cookies import Cookies, carried, new_attempt, packed, unpacked
from pulseops.access.fetching import is_safe
from pulseops.access.sign_in import Claims, NoAccess, SignIn, identified
from pulseops.rulebook.signing_in import SignInInvalid, load_sign_in

LEAST = """
issuer: https://login.example.com/realms/main
client_id: pulseops
audience: pulseops-api
roles: {sre: responder, admins: admin}
"""


def file(folder: Path, text: str) -> Path:
    path = folder / "oidc.yaml"
    path.write_text(text)
    return path


def test_the_least_that_must_be_said_is_safe(tmp_path: Path) -> None:
    terms = load_sign_in(file(tmp_path, LEAST))
    assert (terms.url, terms.client_secret, terms.algorithms) == (None, None, ("RS256", "ES256"))
    assert (terms.leeway, terms.session, terms.session_idle) == (
        timedelta(seconds=30),
        timedelta(hours=12),
        timedelta(hours=1),
    )
    assert list(terms.roles) == ["sre", "admins"]


def test_the_file_that_the_documents_show_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
    [shown] = re.findall(r"^```yaml\n(issuer.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "oidc.secret").write_text("hush")
    terms = load_sign_in(file(tmp_path, shown))
    least = load_sign_in(file(tmp_path, LEAST))
    same = ("scopes", "algorithms", "leeway", "session", "session_idle")
    assert [getattr(terms, name) for name in same] == [getattr(least, name) for name in same]
    assert (terms.claims.username, terms.claims.groups) == (least.claims.username, least.claims.groups)


def test_everything_may_be_said_and_the_secret_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    text = LEAST + (
        "client_secret_file: secret\nurl: https://pulseops.example.com\nleeway: 1m\nsession: 8h\n"
        "session_idle: 30m\nscopes: [openid, groups]\nalgorithms: [ES256]\n"
        "claims: {username: email, groups: realm_access.roles, teams: teams}\n"
    )
    terms = load_sign_in(file(tmp_path, text))
    assert terms.client_secret == "hush"
    assert "hush" not in repr(terms) + str(terms)
    assert terms.claims == Claims(username="email", groups="realm_access.roles", teams="teams")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty; give it a section, such as issuer"),
        ("- a", "the file must hold sections"),
        (LEAST.replace("audience", "audiense"), 'there is no "audiense" here; did you mean "audience"?'),
        (LEAST.replace("audience: pulseops-api", ""), '"audience" is missing'),
        (LEAST.replace("https", "http"), "issuer: this must be an https:// URL"),
        (LEAST.replace("https://login", "https://user:pw@login"), "issuer: this must be an https:// URL"),
        (LEAST + "url: https://a.example/pulseops", "url: this must be an https:// URL"),
        (LEAST + "url: http://a.example", "url: this must be an https:// URL"),
        (LEAST.replace("responder", "root"), 'roles.sre: "root" is not known'),
        (LEAST.replace("{sre: responder, admins: admin}", "{}"), "roles: without a group"),
        (LEAST + "algorithms: [HS256]", '"HS256" is not known'),
        (LEAST + "algorithms: [none]", '"none" is not known'),
        (LEAST + "algorithms: []", "algorithms: without one"),
        (LEAST + "leeway: 1h", "leeway: this is longer than 5m"),
        (LEAST + "leeway: soon", "leeway: 'soon' is not a duration"),
        (LEAST + "session: 1h\nsession_idle: 2h", "session_idle: this is longer than session"),
        (LEAST + "scopes: [email]", 'scopes: "openid" is missing'),
        (LEAST + "client_secret: hush", "client_secret: name a file instead: client_secret_file"),
        (
            LEAST + "client_secret_file: nowhere",
            "client_secret_file: it cannot be read: No such file or directory",
        ),
        (LEAST + "claims: {user: email}", 'claims.user: there is no "user" here'),
        (LEAST + "issuer: https://b.example", '"issuer" is here twice'),
    ],
)
def test_a_mistake_is_told_with_its_file_line_and_field(tmp_path: Path, text: str, told: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(SignInInvalid) as refused:
        load_sign_in(path)
    assert str(refused.value).startswith(f"{path}:")
    assert told in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SignInInvalid, match="the file cannot be read"):
        load_sign_in(tmp_path / "oidc.yaml")


TERMS = SignIn(
    issuer="https://a.example",
    client_id="a",
    audience="a",
    roles={"sre": "responder", "admins": "admin"},
    claims=Claims(username="email", groups="realm_access.roles", teams="https://a.example/teams"),
)
GOOD: dict[str, Any] = {
    "sub": "1",
    "exp": 2_000_000_000,
    "email": "ada@example.com",
    "realm_access": {"roles": ["admins", "sre"]},
    "https://a.example/teams": ["payments", 7, "", "a\0b", "\ud800", "x" * 201],
}


def test_claims_are_found_by_name_and_by_path_and_what_is_unfit_is_left_out() -> None:
    found = identified(GOOD, TERMS)
    assert (found.name, found.role, found.teams) == ("ada@example.com", "responder", frozenset({"payments"}))
    for verified in (True, "true"):
        assert identified(GOOD | {"email_verified": verified}, TERMS).name == "ada@example.com"
    for groups in ("admins", ["admins"]):
        assert identified(GOOD | {"realm_access": {"roles": groups}}, TERMS).role == "admin"
    assert identified(GOOD | {"https://a.example/teams": None}, TERMS).teams == frozenset()
    many = [f"group-{number}" for number in range(150)]
    assert identified(GOOD | {"realm_access": {"roles": [*many, "admins"]}}, TERMS).role == "admin"
    several: tuple[Any, ...] = (
        {},
        [],
        None,
        "sre",
        {"roles": {"sre": True}},
        {"roles": [["sre"]]},
        {"roles": "SRE"},
    )
    for nothing in several:
        assert identified(GOOD | {"realm_access": nothing}, TERMS).role is None, nothing


@pytest.mark.parametrize(
    "wrong",
    [
        {"sub": ""},
        {"sub": "x" * 201},
        {"sub": "a\0"},
        {"sub": "a\ud800"},
        {"email": None},
        {"email": ["ada@example.com"]},
        {"email": "a b"},
        {"email": "a/../b"},
        {"email": ""},
        {"email": "x" * 129},
        {"email": "ada@example.com\n"},
        {"email_verified": False},
        {"email_verified": "false"},
        {"email_verified": 0},
        {"email_verified": None},
        {"email_verified": ["true"]},
    ],
    ids=repr,
)
def test_who_has_no_name_that_can_be_used_has_no_access(wrong: dict[str, Any]) -> None:
    with pytest.raises(NoAccess):
        identified(GOOD | wrong, TERMS)


def test_secrets_go_by_https_or_stay_on_this_machine() -> None:
    good = (
        "https://a.example",
        "https://a.example:8443/x",
        "http://localhost:1",
        "http://[::1]/",
        "http://127.0.0.1",
    )
    bad = ("http://a.example", "http://localhost.a.example", "ftp://localhost", "https://", "a", "", None, 7)
    more = (
        "https://u@a.example",
        "https://a.example/#x",
        "https://a:x",
        "//a.example",
        "http://127.0.0.1.a.example",
    )
    assert [is_safe(one) for one in good] == [True] * len(good)
    assert [is_safe(one) for one in (*bad, *more)] == [False] * (len(bad) + len(more))


def test_a_sign_in_under_way_is_carried_as_it_is_and_nothing_else_is_one() -> None:
    attempt = new_attempt("/docs?a=b#c")
    assert unpacked(packed(attempt)) == attempt
    text = packed(attempt)
    for other in (
        None,
        "",
        "...",
        text + "x.",
        text[1:],
        text.replace(".", "", 1),
        "[1]",
        "é" * 140,
    ):
        assert unpacked(other) is None, other
    head = b"a=b; pulseops=one; pulseops=two;x"
    assert (carried(head, "pulseops"), carried(head, "puls"), carried(None, "a")) == ("one", None, None)
    urls = ("https://A.example:8443", "https://a.example:443/", "http://localhost:80", "http://localhost:443")
    assert [Cookies(url).origin for url in urls] == [
        "https://a.example:8443",
        "https://a.example",
        "http://localhost",
        "http://localhost:443",
    ]
