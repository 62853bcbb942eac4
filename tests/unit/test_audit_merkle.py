"""The tree is the one of RFC 9162: its own words, its known roots, and another implementation say so."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseops.audit.merkle import (
    EMPTY,
    Run,
    consistency,
    consistent,
    included,
    inclusion,
    leaf_hash,
)
from pulseops.audit.tiles import Place, Tiles, grown, hashed, needed, of_edge, of_tree

MOST = 600
"""Leaves: enough for three levels of the tree's own words to differ from one another, and two of tiles."""
ENTRIES = [b"%d" % index for index in range(MOST)]


def mth(entries: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, to the letter."""
    if len(entries) < 2:
        return sha256(b"\x00" + entries[0]).digest() if entries else sha256(b"").digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def tree(size: int) -> Tiles:
    return grown(0, {}, [leaf_hash(entry) for entry in ENTRIES[:size]])


WHOLE = tree(MOST)


def root_of(size: int, tiles: Tiles = WHOLE) -> bytes:
    [found] = hashed([Run(0, size)], tiles)
    return found


KNOWN = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""Of the entries that Certificate Transparency tests its trees with."""
THEIRS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]


@pytest.mark.parametrize("size", KNOWN)
def test_roots_are_those_that_others_know(size: int) -> None:
    leaves = [leaf_hash(bytes.fromhex(text)) for text in THEIRS[:size]]
    assert root_of(size, grown(0, {}, leaves)).hex() == KNOWN[size]


@given(st.integers(0, MOST))
def test_a_tree_of_tiles_is_that_of_the_standard_also_as_it_was(size: int) -> None:
    assert root_of(size) == mth(ENTRIES[:size])


@given(st.lists(st.integers(1, 300), max_size=6))
def test_a_tree_grows_by_its_last_tiles_alone(steps: list[int]) -> None:
    tiles: dict[Place, bytes] = {}
    size = 0
    for step in steps:
        leaves = [leaf_hash(entry) for entry in ENTRIES[size : size + step]]
        edge = {path.place: tiles[path.place] for path in of_edge(size)}
        tiles |= grown(size, edge, leaves)
        size += len(leaves)
    assert tiles == tree(size)
    assert {path.place: path.width * 32 for path in of_tree(size)} == {
        place: len(text) for place, text in tiles.items()
    }


@given(st.integers(1, MOST), st.data())
def test_every_leaf_is_proved_and_no_other_in_its_place(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root, leaf = hashed(inclusion(index, size), WHOLE), root_of(size), leaf_hash(ENTRIES[index])
    assert included(leaf, index, size, proof, root)
    assert not included(leaf_hash(b"x"), index, size, proof, root)
    assert not included(leaf, index, size, [*proof, EMPTY], root)
    assert not included(leaf, index, size, proof[:-1], root) or not proof
    elsewhere = data.draw(st.integers(-1, size + 1))
    assert included(leaf, elsewhere, size, proof, root) is (elsewhere == index)


def test_a_proof_of_a_smaller_tree_proves_nothing_of_one_that_claims_to_be_larger() -> None:
    """Though it leads to the root that is claimed: it ends too early."""
    path = hashed(inclusion(0, 4), WHOLE)
    assert included(leaf_hash(ENTRIES[0]), 0, 4, path, root_of(4))
    assert not included(leaf_hash(ENTRIES[0]), 0, 8, path, root_of(4))
    path = hashed(consistency(2, 4), WHOLE)
    assert consistent(2, root_of(2), 4, root_of(4), path)
    assert not consistent(2, root_of(2), 8, root_of(4), path)


@given(st.integers(1, MOST), st.data())
def test_every_growth_is_proved_and_no_change(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    proof = hashed(consistency(old, new), WHOLE) if old else []
    before, after = root_of(old), root_of(new)
    assert consistent(old, before, new, after, proof)
    assert not consistent(old, leaf_hash(b"x"), new, after, proof)
    assert not consistent(old, before, new, leaf_hash(b"x"), proof) or not old
    assert not consistent(old, before, new, after, [*proof, EMPTY])
    if proof:
        assert not consistent(old, before, new, after, proof[:-1])
        changed = data.draw(st.integers(0, len(proof) - 1))
        assert not consistent(old, before, new, after, [*proof[:changed], EMPTY, *proof[changed + 1 :]])


@given(st.integers(1, MOST), st.data())
def test_a_proof_needs_the_tiles_that_it_says_and_no_other(size: int, data: st.DataObject) -> None:
    runs = inclusion(data.draw(st.integers(0, size - 1)), size)
    some = {place: WHOLE[place] for place in needed(runs)}
    assert hashed(runs, some) == hashed(runs, WHOLE)
    for place in some:
        with pytest.raises(KeyError):
            hashed(runs, {other: text for other, text in some.items() if other != place})


def test_what_is_not_yet_in_a_tile_is_not_made_up() -> None:
    with pytest.raises(KeyError):
        root_of(300, tree(299))
