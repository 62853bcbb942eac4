"""Finding known terms in what people and machines write, in one pass and in linear time. Pure.

Text and terms are cut into the same parts: at anything that is neither letter nor digit, between letters and
digits, and at the humps of camelCase. Terms are compared with the parts written together, so that `load
balancer`, `LoadBalancer`, `load_balancer` and `load-balancer` are one term, and `k8s` is found in `k8sDown`.
There are no regular expressions from outside, and so none that could be made to backtrack.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

LIMIT = 1_500
"""How many characters of a text are read: alerts say what they are about at the start."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_ES = ("s", "x", "z", "ch", "sh")


def parts(text: str) -> list[str]:
    """The words of a text, case-folded: `RabbitMQ node_down (v3)` is rabbit, mq, node, down, v, 3."""
    found = _PARTS.findall(text[:LIMIT])
    # Folded all at once: a part has no blank, and folding goes letter by letter.
    return " ".join(found).casefold().split(" ") if found else []


def key(term: str) -> str:
    """What two spellings of one term have in common. Empty when there is nothing in it to compare."""
    return "".join(parts(term))


def plural(word: str) -> str:
    """The regular English plural: queries, switches, disks."""
    if word.endswith("y") and word[-2:-1] not in {*"aeiou"}:
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(_ES) else "s")


class Lexicon(Generic[T]):
    """Terms with what they mean. Regular plurals are understood; of overlapping terms the longest counts."""

    def __init__(self, meanings: Iterable[tuple[str, T]]) -> None:
        self._known: dict[str, tuple[str, list[T]] | None] = {}
        terms: dict[str, tuple[str, list[T]]] = {}
        for term, meaning in meanings:
            terms.setdefault(key(term), (term, []))[1].append(meaning)
        terms.pop("", None)
        spelled: Mapping[str, tuple[str, list[T]]] = {
            plural(word): entry for word, entry in terms.items()
        } | terms
        for word in spelled:
            for length in range(1, len(word)):
                self._known.setdefault(word[:length])
        self._known.update(spelled)

    def find(self, text: Sequence[str]) -> dict[str, list[T]]:
        """The terms in a text cut by `parts`, in the order of their first occurrence, with their meanings."""
        known, found, end, size = self._known, {}, 0, len(text)
        for start, written in enumerate(text):
            if written not in known or start < end:
                continue
            entry, after = known[written], start + 1
            if entry is not None:
                end = after
            while after < size:
                written += text[after]  # noqa: PLW2901 - the term grows part by part
                if written not in known:
                    break
                after += 1
                longer = known[written]
                if longer is not None:
                    entry, end = longer, after
            if entry is not None:
                found[entry[0]] = entry[1]
        return found
