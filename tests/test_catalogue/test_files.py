"""The catalogue as a reader meets it: short files, comments that can be followed, a table."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from simcb.scenario import find_shipped, list_shipped, read_scenario

FOLDER = find_shipped("slow-replica").parent
TABLE = FOLDER / "README.md"
PICTURES = FOLDER.parent / ".github" / "catalogue"
SPAN = re.compile(r"`([^`]*--set[^`]*)`")
NEW = sorted({*list_shipped()} - {"slow-replica", "flaky-payments"})


def comment_of(name: str) -> str:
    """Return the comment at the head of a shipped file, as running text."""
    lines = find_shipped(name).read_text(encoding="utf-8").splitlines()
    head = lines[: lines.index(f"name: {name}")]
    assert all(line.startswith("# ") for line in head)
    return " ".join(line.removeprefix("# ") for line in head)


def changes_in(text: str) -> list[tuple[str, ...]]:
    """Return what each stretch of code in a text has after its `--set`s."""
    found = []
    for span in SPAN.findall(text):
        words = shlex.split(span)
        found.append(tuple(words[i + 1] for i, word in enumerate(words) if word == "--set"))
    return found


def rows() -> dict[str, str]:
    """Return the README's line for each scenario it links to."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    linked = [(re.search(r"\]\(([a-z0-9-]+)\.yaml\)", line), line) for line in lines]
    return {match[1]: line for match, line in linked if match}


@pytest.mark.parametrize("name", list_shipped())
def test_file_is_short_and_says_what_to_look_for(name: str) -> None:
    """Under sixty lines, one of `about`, and a comment that begins with the story."""
    assert len(find_shipped(name).read_text(encoding="utf-8").splitlines()) < 60
    assert "Look at" in comment_of(name)
    assert len(read_scenario(name).about) <= 110


@pytest.mark.parametrize("name", NEW)
def test_comment_suggests_changes_that_can_be_made(name: str) -> None:
    """Everything after a `--set` in the comment is a change of this very scenario."""
    scenario = read_scenario(name)
    suggested = changes_in(comment_of(name))
    assert suggested
    for sets in suggested:
        assert read_scenario(name, sets=sets) != scenario


@pytest.mark.parametrize("name", NEW)
def test_thresholds_say_what_a_good_setting_reaches(name: str) -> None:
    """There is always at least one limit to hold a setting against."""
    assert read_scenario(name).thresholds


def test_table_has_every_scenario_once() -> None:
    """A scenario without its row is not in the catalogue, nor is a row without its scenario."""
    assert sorted(rows()) == list(list_shipped())


@pytest.mark.parametrize("name", list_shipped())
def test_table_suggests_changes_that_can_be_made(name: str) -> None:
    """What the table says to try is a change of that scenario."""
    suggested = changes_in(rows()[name])
    assert suggested
    for sets in suggested:
        assert read_scenario(name, sets=sets) != read_scenario(name)


@pytest.mark.skipif(not PICTURES.is_dir(), reason="pictures are in a checkout only")
@pytest.mark.parametrize("name", list_shipped())
def test_table_has_a_small_picture(name: str) -> None:
    """Every row shows a PNG of at most 40 kB, and says in words what is on it."""
    shown = re.search(
        r'<img src="\.\./\.github/catalogue/([a-z0-9-]+)\.png"[^>]*alt="(.+?)"', rows()[name]
    )
    assert shown is not None
    assert shown[1] == name
    assert len(shown[2]) > 20
    picture = (PICTURES / f"{name}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) <= 40_000


@pytest.mark.skipif(not PICTURES.is_dir(), reason="pictures are in a checkout only")
def test_no_picture_is_left_over() -> None:
    """A picture belongs to a scenario."""
    assert sorted(path.stem for path in PICTURES.iterdir()) == list(list_shipped())


def test_pictures_are_drawn_as_the_readme_says(tmp_path: Path) -> None:
    """The function in the README runs, and draws the picture's size."""
    code = re.search(r"```python\n(.*?)```", TABLE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    drawn = tmp_path / "gc-pause.png"
    draw = names["picture"]
    assert callable(draw)
    draw(drawn, "gc-pause", panel="load")
    header = drawn.read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == (480, 330)


def test_readme_is_no_scenario() -> None:
    """Only YAML files are shipped scenarios."""
    assert "README" not in list_shipped()
    assert all(find_shipped(name).suffix == ".yaml" for name in list_shipped())
