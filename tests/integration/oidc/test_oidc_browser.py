"""Signing in with a browser: what it carries, what it may send, and how it ends."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from pulseops.access import guards
from pulseops.access.users import Users
from tests.conftest import Database
from tests.integration.bearing import flushed
from tests.issuer import Issuer, sign_in_file
from tests.keys import a_key
from tests.serving import Api, serving

HERE = "http://localhost:8000"
OURS = {"origin": HERE}


def browser(api: Api, base_url: str = HERE) -> httpx.AsyncClient:
    """Another one each time: cookies of its own, and no key."""
    asgi: Any = api.app
    transport = httpx.ASGITransport(asgi, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base_url)


async def at_the_issuer(target: str) -> str:
    """Where the issuer sends the browser back to, once the user has said yes."""
    async with httpx.AsyncClient(trust_env=False) as outside:
        return (await outside.get(target)).headers["location"]


async def signed_in(page: httpx.AsyncClient, onward: str = "/docs") -> httpx.Response:
    begun = await page.get("/login", params={"next": onward})
    assert begun.status_code == 302, begun.text
    return await page.get(await at_the_issuer(begun.headers["location"]))


async def test_a_browser_signs_in_reads_writes_and_signs_out(api: Api) -> None:
    async with browser(api) as page:
        assert (await page.get("/whoami")).status_code == 401
        done = await signed_in(page, "/docs?a=b#c")
        assert (done.status_code, done.headers["location"]) == (303, "/docs?a=b#c")
        [told] = [one for one in done.headers.get_list("set-cookie") if one.startswith("pulseops=")]
        assert "HttpOnly; SameSite=Lax" in told
        who = (await page.get("/whoami")).json()
        assert (who["actor"], who["via"], who["role"]) == ("user:ada", "session", "responder")
        made = await page.post("/incident", json={"title": "x"}, headers=OURS)
        assert made.status_code == 201
        token = page.cookies["pulseops"]
        row = await api.app.state.pool.fetchrow("SELECT * FROM access.session")
        assert row["token_sha256"] == sha256(token.encode()).digest()
        assert (await page.post("/logout", headers=OURS)).status_code == 204
        assert "pulseops" not in page.cookies
        page.cookies.set("pulseops", token)
        assert (await page.get("/whoami")).status_code == 401
        assert (await page.post("/logout", headers=OURS)).status_code == 204


async def test_what_a_sign_in_sends_is_described(api: Api) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    async with browser(api) as page:
        begun = await page.get("/login")
        done = await page.get(await at_the_issuer(begun.headers["location"]))
        over = await page.post("/logout", headers=OURS)
    of_pages = {"cache-control", "content-type", "referrer-policy", "x-content-type-options"}
    for method, path, said in (
        ("get", "/login", begun),
        ("get", "/login/callback", done),
        ("post", "/logout", over),
    ):
        told = paths[path][method]["responses"][str(said.status_code)]["headers"]
        assert {name.lower() for name in told} == set(said.headers) - of_pages - {"content-length"}


async def test_with_a_cookie_only_our_own_pages_write(api: Api) -> None:
    foreign: list[dict[str, str]] = [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{HERE}.evil.example"},
        {"origin": "https://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": HERE, "sec-fetch-site": "cross-site"},
        {"referer": f"{HERE}/docs"},
    ]
    async with browser(api) as page:
        await signed_in(page)
        for headers in foreign:
            for path in ("/incident", "/logout"):
                answer = await page.post(path, json={"title": "x"}, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "cross-site"), (path, headers)
        for headers in (OURS, {"sec-fetch-site": "same-origin"}, OURS | {"sec-fetch-site": "same-origin"}):
            assert (await page.post("/incident", json={"title": "x"}, headers=headers)).status_code == 201
        key = {"authorization": f"Bearer {api.token}", "origin": "https://evil.example"}
        assert (await page.post("/incident", json={"title": "x"}, headers=key)).status_code == 201
        wrong = {"authorization": "Bearer pulseops_no"}
        assert (await page.get("/whoami", headers=wrong)).status_code == 401
    told = {(one["who"], one["path"]) for one in await flushed(api) if one.get("code") == "cross-site"}
    assert told == {("user:ada", "/incident"), ("anonymous", "/logout")}


async def test_nobody_is_sent_on_to_another_server(api: Api) -> None:
    async with browser(api) as page:
        for onward in (
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/ok\r\nset-cookie: a=b",
            "javascript:alert(1)",
            "docs",
            "",
            "/" + "a" * 1000,
        ):
            answer = await page.get("/login", params={"next": onward})
            assert answer.status_code == 422, onward
            [fault] = answer.json()["errors"]
            assert fault["parameter"] == "next"
        begun = await page.get("/login")
        back = await at_the_issuer(begun.headers["location"])
        whole = page.cookies["pulseops-sign-in"].rpartition(".")[0]
        page.cookies.clear()
        page.cookies.set("pulseops-sign-in", f"{whole}.Ly9ldmlsLmV4YW1wbGU")  # //evil.example
        assert (await page.get(back)).json()["code"] == "sign-in-failed"


async def test_only_the_browser_that_began_it_ends_a_sign_in_and_once(api: Api, issuer: Issuer) -> None:
    async with browser(api) as page, browser(api) as other:
        begun = await page.get("/login")
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
        assert asked["redirect_uri"] == [f"{HERE}/login/callback"]
        back = await at_the_issuer(begun.headers["location"])
        bad = [
            back.replace("state=", "state=x"),
            back.replace("code=", "code=x"),
            back.replace("iss=http", "iss=https"),
            f"/login/callback?error=access_denied&state={asked['state'][0]}",
            "/login/callback",
        ]
        assert (await other.get(back)).json()["code"] == "sign-in-failed"
        await other.get("/login")
        assert (await other.get(back)).json()["code"] == "sign-in-failed"
        for url in bad:
            answer = await page.get(url)
            assert (answer.status_code, answer.json()["code"]) == (403, "sign-in-failed"), url
            assert "pulseops" not in page.cookies
        carried = page.cookies["pulseops-sign-in"]
        assert (await page.get(back)).status_code == 303
        page.cookies.set("pulseops-sign-in", carried)
        assert (await page.get(back)).json()["code"] == "sign-in-failed"
    refused = [one for one in await flushed(api) if one.get("code") == "sign-in-failed"]
    assert sum(one["count"] for one in refused) == len(bad) + 3
    assert (await api.get("/audit")).text.count("code=") == 0


async def test_who_is_not_signed_in_is_shown_a_page_and_programs_the_problem(
    api: Api, issuer: Issuer
) -> None:
    people = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with browser(api) as page:
        failed = await page.get("/login/callback?state=x&code=y", headers=people)
        assert (failed.status_code, failed.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "This sign-in was not begun in this browser" in failed.text
        assert '<a href="/login">' in failed.text
        assert failed.headers["x-request-id"] in failed.text
        assert failed.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in failed.headers["content-security-policy"]
        elsewhere = await page.get("/login", params={"next": "<b>x</b>", "y<i>": "1"}, headers=people)
        assert (elsewhere.status_code, "<i>" in elsewhere.text, "<b>" in elsewhere.text) == (
            422,
            False,
            False,
        )
        issuer.down = True
        away = await page.get("/login", headers=people)
        assert (away.status_code, away.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert int(away.headers["retry-after"]) > 0
        program = await page.get("/login/callback?state=x&code=y")
        assert program.headers["content-type"] == "application/problem+json"


async def test_an_id_token_that_is_not_of_this_sign_in_signs_nobody_in(
    api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token
    wrong: list[dict[str, Any]] = [{"nonce": "x" * 43}, {"nonce": None}, {"aud": "grafana"}]
    wrong += [{"azp": "grafana"}, {"exp": 1}, {"sub": None}]
    async with browser(api) as page:
        for other in wrong:
            monkeypatch.setattr(issuer, "token", lambda other=other, **claims: token(**claims | other))
            done = await signed_in(page)
            assert (done.status_code, done.json()["code"]) == (403, "sign-in-failed"), other
            assert "pulseops" not in page.cookies
    assert await api.app.state.pool.fetchval("SELECT count(*) FROM access.session") == 0


async def test_who_fails_too_often_does_not_make_us_ask_the_issuer(
    api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "_FAILURES", 1)
    api.app.state.turnstile._clock = lambda: 0.0
    async with browser(api) as page, browser(api) as other:
        begun = await page.get("/login")
        back = urlsplit(await at_the_issuer(begun.headers["location"])).query
        made_up = {"state": parse_qs(back)["state"][0], "code": "made up"}
        asked = issuer.asked.count("/token")
        found = [(await page.get("/login/callback", params=made_up)).status_code for _ in range(15)]
        assert found == [403] * 10 + [429] * 5
        assert issuer.asked.count("/token") - asked == 10
        # Nobody who comes in without asking is kept out, and in a moment nobody else.
        assert (await api.get("/whoami")).status_code == 200
        api.app.state.turnstile._clock = lambda: 1.0
        assert (await signed_in(other)).status_code == 303


async def test_who_has_no_access_is_not_signed_in(api: Api, issuer: Issuer) -> None:
    issuer.user["groups"] = []
    async with browser(api) as page:
        done = await signed_in(page)
        assert (done.status_code, done.json()["code"]) == (403, "no-access")
    assert {one["who"] for one in await flushed(api) if one.get("code") == "no-access"} == {"user:ada"}


async def test_a_session_ends_with_its_user_its_time_and_its_idleness(
    api: Api, admin: asyncpg.Connection
) -> None:
    users: Users = api.app.state.doorkeeper.users
    pool = api.app.state.pool
    async with browser(api) as page:
        await signed_in(page)
        await api.post("/users/ada/revoke")
        assert (await page.get("/whoami")).status_code == 401
        await api.post("/users/ada/grant", json={"role": "viewer"})
        assert (await page.get("/whoami")).status_code == 401
        await asyncio.sleep(1)  # a user who was revoked may be remembered as that for so long
        for column, back in (("expires_at", users.sessions.lasts), ("used_at", timedelta(hours=1))):
            assert (await signed_in(page)).status_code == 303
            assert (await page.get("/whoami")).json()["role"] == "viewer"
            # As if it had begun, or been used, so long ago. Only an owner may do this.
            await _move(admin, column, back)
            assert (await page.get("/whoami")).status_code == 401, column
        assert (await signed_in(page)).status_code == 303
        assert await pool.fetchval("SELECT count(*) FROM access.session") == 1


async def test_a_session_that_is_used_does_not_end_by_idleness_however_short_that_is(
    database: Database, admin: asyncpg.Connection, issuer: Issuer, tmp_path: Path
) -> None:
    path = sign_in_file(tmp_path, issuer.url, session_idle="40s")
    async with serving(database.app_url, oidc=path) as api, browser(api) as page:
        await signed_in(page)
        for _ in range(3):
            await _move(admin, "used_at", timedelta(seconds=20))
            assert (await page.get("/whoami")).status_code == 200
        # Whoever follows a stream is there, though nothing else is asked.
        doorkeeper, cookie = api.app.state.doorkeeper, f"pulseops={page.cookies['pulseops']}".encode()
        who = await doorkeeper.admit(None, cookie)
        for _ in range(3):
            await _move(admin, "used_at", timedelta(seconds=20))
            assert await doorkeeper.still({b"cookie": cookie}, who)
        await _move(admin, "used_at", timedelta(seconds=40))
        assert not await doorkeeper.still({b"cookie": cookie}, who)


async def _move(admin: asyncpg.Connection, column: str, back: timedelta) -> None:
    move = {
        "expires_at": "UPDATE access.session SET expires_at = expires_at - $1::interval",
        "used_at": "UPDATE access.session SET used_at = used_at - $1::interval",
    }
    await admin.execute(move[column], back)


async def test_another_process_ends_a_session_at_once(
    database: Database, issuer: Issuer, tmp_path: Path
) -> None:
    path = sign_in_file(tmp_path, issuer.url)
    async with serving(database.app_url, oidc=path) as one:
        other = await a_key(one.app.state.pool, "other")
        async with (
            serving(database.app_url, token=other, oidc=path) as two,
            browser(one) as page,
            browser(two) as same,
        ):
            await signed_in(page)
            same.cookies.update(page.cookies)
            assert (await same.get("/whoami")).json()["actor"] == "user:ada"
            await two.post("/users/ada/revoke")
            assert (await page.get("/whoami")).status_code == 401


async def test_over_https_cookies_are_for_this_host_alone(
    database: Database, issuer: Issuer, tmp_path: Path
) -> None:
    path = sign_in_file(tmp_path, issuer.url, url="https://pulseops.example")
    async with (
        serving(database.app_url, oidc=path) as api,
        browser(api, "https://pulseops.example") as page,
    ):
        begun = await page.get("/login")
        assert begun.headers["set-cookie"].startswith("__Host-pulseops-sign-in=")
        done = await page.get(await at_the_issuer(begun.headers["location"]))
        [told] = [one for one in done.headers.get_list("set-cookie") if "Max-Age=0" not in one]
        name, _, attributes = told.partition("=")
        assert name == "__Host-pulseops"
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes.split("; "))
        assert "Domain" not in told
        assert (await page.get("/whoami")).json()["via"] == "session"
