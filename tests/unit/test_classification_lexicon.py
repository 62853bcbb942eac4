"""Finding terms in text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseops.classification.lexicon import LIMIT, Lexicon, key, parts, plural

TERMS = Lexicon(
    [
        ("load balancer", "network"),
        ("RabbitMQ", "messaging"),
        ("k8s", "infrastructure"),
        ("queue", "messaging"),
        ("message queue", "broker"),
        ("query", "database"),
        ("switch", "network"),
        ("диск", "storage"),
    ]
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RabbitMQ node_down (v3)", ["rabbit", "mq", "node", "down", "v", "3"]),
        ("HTTPServer5xx", ["http", "server", "5", "xx"]),
        ("etcdHighFsync", ["etcd", "high", "fsync"]),
        ("Заполнен Диск", ["заполнен", "диск"]),
        ("\x00\ud800 \u202e ---", []),
        ("", []),
    ],
)
def test_text_is_cut_at_humps_digits_and_everything_else(text: str, words: list[str]) -> None:
    assert parts(text) == words


@pytest.mark.parametrize(
    "text",
    ["load balancer", "LoadBalancer", "load_balancer", "load-balancers", "LOAD BALANCER", "loadbalancerDown"],
)
def test_every_spelling_of_a_term_is_that_term(text: str) -> None:
    assert TERMS.find(parts(text)) == {"load balancer": ["network"]}


@pytest.mark.parametrize(
    ("text", "term"),
    [("k8sDown", "k8s"), ("three switches", "switch"), ("slow queries", "query"), ("на диск", "диск")],
)
def test_digits_plurals_and_other_scripts_are_understood(text: str, term: str) -> None:
    assert list(TERMS.find(parts(text))) == [term]


def test_a_term_inside_a_word_is_no_term() -> None:
    assert TERMS.find(parts("switching unqueued queueing")) == {}


def test_of_overlapping_terms_the_longest_counts() -> None:
    assert TERMS.find(parts("the message queue")) == {"message queue": ["broker"]}
    assert list(TERMS.find(parts("message for the queue"))) == ["queue"]


def test_text_beyond_the_limit_is_not_read() -> None:
    assert TERMS.find(parts("x " * LIMIT + "RabbitMQ")) == {}


@given(st.text(), st.sampled_from(["load balancer", "RabbitMQ", "k8s", "query"]), st.text())
def test_a_term_is_found_wherever_it_stands(before: str, term: str, after: str) -> None:
    assert term in TERMS.find(parts(f"{before}\n{term}\n{after}"))


@given(st.text(alphabet=st.sampled_from("loadbncerqumsgRABMQ8k -_\n"), max_size=200))
def test_what_is_found_stands_in_the_text(text: str) -> None:
    squeezed = key(text)
    assert all(key(term) in squeezed or plural(key(term)) in squeezed for term in TERMS.find(parts(text)))


@pytest.mark.parametrize("evil", ["a" * 1_000_000, "aA" * 500_000, "load " * 200_000, "\u0130" * 100_000])
def test_no_text_takes_long(evil: str) -> None:
    lexicon = Lexicon([("load " * 20, "deep"), ("a" * 500, "long"), ("aA" * 200, "humps")])
    began = time.process_time()
    lexicon.find(parts(evil))
    assert time.process_time() - began < 0.5
