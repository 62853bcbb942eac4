"""Tiles are asked for as tlog-tiles has it."""

import pytest

from pulseops.audit.tiles import Path, Place, of_edge, of_tree


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0/000", Path(Place(0, 0))),
        ("0/x001/x234/067", Path(Place(0, 1_234_067))),
        ("1/999.p/17", Path(Place(1, 999), 17)),
        ("63/x001/000.p/255", Path(Place(63, 1_000), 255)),
    ],
)
def test_a_path_is_read_as_it_is_written(text: str, path: Path) -> None:
    assert (Path.parsed(text), str(path)) == (path, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0/0",
        "00/000",
        "64/000",
        "0/x000/001",
        "0/001/001",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/017",
        "0/000.p/",
        "-1/000",
        "0/000\n",
        "0/../000",
        "0/\u0660\u0660\u0660",
    ],
)
def test_what_is_no_tile_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="tile"):
        Path.parsed(text)


def test_a_tree_has_the_tiles_of_the_standards_example() -> None:
    paths = list(of_tree(70_000))
    widths = [(path.place.level, path.width) for path in paths]
    assert [widths.count((0, 256)), widths.count((1, 256))] == [273, 1]
    assert [str(path) for path in of_edge(70_000)] == ["0/273.p/112", "1/001.p/17", "2/000.p/1"]
    assert [str(path) for path in of_tree(256)] == ["0/000", "1/000.p/1"]
    assert [*of_tree(0)] == []
