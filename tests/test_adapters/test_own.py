"""One's own breaker: the README's example, registered as a package registers it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_adapters.story import STORY, steps, story, told
from test_scenario.written import problem_of

from simcb.adapters import AdapterError, adapter, names, registry
from simcb.options import CompareOptions, JobOptions
from simcb.scenario import parse_scenario
from simcb.studies.league import league

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```(?:python|toml)\n(.*?)```", README.read_text(), re.DOTALL)
CLASS = next(block for block in BLOCKS if "class TwoStrikes" in block)
ENTRY = next(block for block in BLOCKS if "simcb.breakers" in block).splitlines()[1]


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the example's package in a folder of its own."""
    shop, info = tmp_path / "shop", tmp_path / "shop-1.0.dist-info"
    shop.mkdir()
    info.mkdir()
    (shop / "__init__.py").write_text("")
    (shop / "breakers.py").write_text(CLASS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    points = (ENTRY.replace('"', ""), "nothing = shop.breakers:missing", "seven = shop:__name__")
    (info / "entry_points.txt").write_text("\n".join(("[simcb.breakers]", *points)))
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._registered.cache_clear()
    yield tmp_path
    registry._registered.cache_clear()
    for module in ("shop", "shop.breakers"):
        sys.modules.pop(module, None)


@pytest.mark.usefixtures("registered")
def test_the_example_is_short_and_runs_by_its_name() -> None:
    """Two strikes open it, ten seconds later one call probes and closes it."""
    assert len(CLASS.splitlines()) <= 30
    assert "two-strikes" in names()
    trace = told(story("two-strikes", {"pause": 5}))
    assert steps(trace) == [(11.25, "open"), (17.0, "half_open"), (17.25, "closed")]


@pytest.mark.usefixtures("registered")
def test_its_parameters_are_its_settings() -> None:
    """What its constructor takes besides the clock may stand in a file, and nothing else."""
    assert list(adapter("two-strikes").parameters()) == ["strikes", "pause"]
    text = STORY.replace("failure_threshold: 3", "use: two-strikes, settings: {strike: 1}")
    assert problem_of(text).remedy == "did you mean `strikes`?"


@pytest.mark.usefixtures("registered")
def test_a_league_has_it_at_its_defaults() -> None:
    """What means the same as in others is not known of it."""
    options, job = CompareOptions(replicates=1), JobOptions(workers=0)
    found = league([parse_scenario(STORY)], options, job, only=["two-strikes"])
    ours = found.contenders[-1]
    assert (ours.name, ours.alike) == ("two-strikes", None)
    assert found.comparisons[0].names[ours.usual] == "two-strikes, its defaults"


@pytest.mark.parametrize(
    ("from_", "to", "what"),
    [
        ("return self\n", "return self.no_such_thing\n", r"`enter\(\)` .* raised AttributeError"),
        ('"closed", 0\n            return', '"shut", 0\n            return', "'shut' is none of"),
        ("self._failures += 1", "raise OSError(7)", r"`leave\(\)` of TwoStrikes raised OSError: 7"),
    ],
)
def test_a_breaker_that_raises_is_to_blame_itself(
    registered: Path, from_: str, to: str, what: str
) -> None:
    """The message has what raised what, when, and of which call."""
    (registered / "shop" / "breakers.py").write_text(CLASS.replace(from_, to))
    with pytest.raises(AdapterError, match=what):
        told(story("two-strikes", {"pause": 5}))


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", ["nothing", "seven"])
def test_what_is_registered_and_makes_no_breaker_is_told_with_its_package(name: str) -> None:
    """A module that lacks it, or an object that is not callable."""
    with pytest.raises(AdapterError, match=name):
        adapter(name)
