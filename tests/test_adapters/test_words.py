"""A scenario names a registered breaker, and gives it its own parameters by their names."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from test_adapters.story import STORY
from test_cli.commands import simcb
from test_scenario.written import problem_of

from simcb import breaker as shipped
from simcb.adapters import adapter
from simcb.errors import MissingExtraError
from simcb.scenario import parse_scenario
from simcb.world import simulate


def _with(breaker: str) -> str:
    return STORY.replace("breaker: {failure_threshold: 3}", f"breaker: {breaker}")


@pytest.mark.parametrize(
    ("breaker", "place", "what"),
    [
        ("{use: pybraker}", "use", "did you mean `pybreaker`?"),
        ("{use: os.path}", "use", "is no breaker that is registered"),
        ("{use: pybreaker, settings: {fail_mx: 3}}", "fail_mx", "did you mean `fail_max`?"),
        ("{use: pybreaker, settings: {fail_max: 3s}}", "fail_max", "without a unit"),
        ("{use: pybreaker, settings: {fail_max: null}}", "fail_max", "is no setting"),
        ("{use: pybreaker, settings: {fail_max: true}}", "fail_max", "does not take `true`"),
        ("{use: pybreaker, settings: {name: 3}}", "name", "is no setting of pybreaker"),
        ("{use: pybreaker, settings: [3]}", "settings", "is not a mapping"),
        ("{use: pybreaker, failure_threshold: 3}", "failure_threshold", "beside `use`"),
        ("{settings: {fail_max: 3}}", "settings", "without `use`"),
    ],
)
def test_what_is_no_setting_is_told_at_its_place(breaker: str, place: str, what: str) -> None:
    """A wrong name, a wrong value, or our own words beside another's breaker."""
    problem = problem_of(_with(breaker))
    assert problem.path.endswith(f".{place}")
    assert what in f"{problem.what}; {problem.remedy}"
    assert problem.line == 10


def test_it_is_written_back_and_changed_like_any_other_word() -> None:
    """The settings are places: read back, and reached by a path."""
    scenario = parse_scenario(_with("{use: pybreaker, settings: {fail_max: 3}, shared: true}"))
    assert parse_scenario(scenario.to_yaml()) == scenario
    breaker = scenario.with_({"breaker.settings.fail_max": 7}).clients["shop"].calls
    assert breaker["payments"].breaker is not None
    assert breaker["payments"].breaker.settings == {"fail_max": 7}


def test_a_package_that_is_missing_is_told_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that names it can be read, but not run."""
    find = importlib.import_module

    def without(name: str, package: str | None = None) -> Any:
        if name == "pybreaker":
            raise ModuleNotFoundError(name, name=name)
        return find(name, package)

    monkeypatch.setattr("simcb.adapters.extra.import_module", without)
    scenario = parse_scenario(_with("{use: pybreaker, settings: {fail_max: 3}}"))
    with pytest.raises(MissingExtraError, match=r"pip install 'simcb\[peers\]'"):
        simulate(scenario)


def test_an_export_says_that_it_leaves_it_out(tmp_path: Path) -> None:
    """Another package's breaker has no words that another format could be given."""
    file = tmp_path / "story.yaml"
    file.write_text(_with("{use: pybreaker, settings: {fail_max: 3}}"))
    text = simcb("export", str(file), "--to", "resilience4j").stdout
    assert "breaker.use: pybreaker" in text
    assert "failureRateThreshold" not in text


def test_nothing_is_looked_for_unless_a_file_names_it() -> None:
    """The shipped breaker is no adapter, and has no entry among them."""
    assert not hasattr(shipped, "ADAPTER")
    with pytest.raises(KeyError):
        adapter("simcb")
