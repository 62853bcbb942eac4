"""The diff of rules: it leads from one text to the other, reads as `diff -u` does, and takes no minute."""

import re
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from pulseops.rulebook.unified import unified

_lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "  e\n"]), max_size=30)


def applied(before: list[str], diff: str) -> list[str]:
    """What `patch` makes of it."""
    found, at = list[str](), 0
    for line in diff.splitlines(keepends=True)[2:]:
        if head := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@\n", line):
            start = int(head[1]) - (head[2] != "0")
            found += before[at:start]
            at = start
        elif line[0] == "+":
            found.append(line[1:])
        else:
            assert before[at] == line[1:]
            found += [] if line[0] == "-" else [line[1:]]
            at += 1
    return found + before[at:]


@given(before=_lines, after=_lines)
def test_it_leads_from_the_one_to_the_other(before: list[str], after: list[str]) -> None:
    diff = unified(before, after, "a", "b")
    assert (diff == "") == (before == after)
    assert applied(before, diff) == after


def test_it_reads_as_everybody_knows_it() -> None:
    before = [f"{number}\n" for number in range(12)]
    after = [*before[:5], "five\n", *before[6:], "12\n"]
    assert unified(before, after, "rules@1", "rules@2") == (
        "--- rules@1\n+++ rules@2\n@@ -3,10 +3,11 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n 10\n 11\n+12\n"
    )
    assert unified([], ["a\n"], "x", "y") == "--- x\n+++ y\n@@ -0,0 +1 @@\n+a\n"


def test_a_file_of_six_thousand_routes_is_held_against_another_in_a_moment() -> None:
    def rules(changed: int) -> list[str]:
        lines = list[str]()
        for n in range(6_000):
            lines += [f"- name: route-{n}-{n % changed == 0}\n", "  when:\n", "    service:\n"]
            lines += [f"    - service-{n % 300}\n", f"  team: team-{n % 50}\n"]
        return lines

    before, after = rules(3), rules(7)
    began = process_time()
    nested = [[f"{n + 1}\n", f"{side}{n}\n", f"{n}\n"] for side in "ab" for n in range(2_000)]
    deep = [[line for three in nested[at : at + 2_000] for line in three] for at in (0, 2_000)]
    for one, other in (
        (before, after),
        (before, before[::-1]),
        (["same\n"] * 30_000, ["other\n"] * 30_000),
        (deep[0], deep[1]),
    ):
        assert applied(one, unified(one, other, "a", "b")) == other
    assert process_time() - began < 5, "difflib's own takes minutes"
