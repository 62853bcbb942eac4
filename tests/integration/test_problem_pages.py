"""The `type` of every problem leads to a page that says what to do."""

import re

import pytest

from pulseops.http.explained import EXPLAINED
from pulseops.http.problem import KINDS
from tests.serving import Api


def test_every_problem_is_explained_and_no_other() -> None:
    assert [*EXPLAINED] == [*KINDS]
    for code, words in EXPLAINED.items():
        assert all(one.endswith(".") and len(one) > 20 for one in words), code


async def test_the_type_of_a_problem_leads_to_what_mends_it(api: Api) -> None:
    refused = (await api.post("/incident", json={"title": 1})).json()
    del api.headers["authorization"]
    page = await api.get(refused["type"])
    assert page.headers["content-type"] == "application/json"
    told = page.json()
    assert (told["code"], told["status"], told["title"]) == ("invalid-input", 422, refused["title"])
    assert told["example"]["type"] == refused["type"]


@pytest.mark.parametrize(
    ("accept", "media", "told"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html", "<h2>What to do</h2>"),
        ("text/plain", "text/markdown", "## What to do"),
        ("*/*", "application/json", '"mend":'),
    ],
)
async def test_a_page_speaks_as_it_is_asked(api: Api, accept: str, media: str, told: str) -> None:
    page = await api.get("/problems/rate-limited", headers={"accept": accept})
    assert page.headers["content-type"].startswith(media)
    assert told in page.text
    assert "Retry-After" in page.text


async def test_where_nobody_can_sign_in_nobody_is_sent_to_do_so_again(api: Api) -> None:
    page = await api.get("/login", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "not set up here" in page.text
    assert "/login" not in page.text
    assert "/whoami" not in page.text


async def test_all_links_of_the_pages_lead_somewhere_on_this_server(api: Api) -> None:
    html = {"accept": "text/html"}
    index = await api.get("/problems", headers=html)
    links = {*re.findall(r'(?:href|src)="([^"]+)"', index.text)}
    assert {f"/problems/{code}" for code in KINDS} < links
    for link in sorted(links):
        assert (await api.get(link, headers=html)).status_code == 200, link
    assert (await api.get("/problems/nothing", headers=html)).json()["code"] == "not-found"
