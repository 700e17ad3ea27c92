"""Sliders in a notebook: each move runs the scenario, and what is shown follows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from test_studies.sweep_cases import SMALL

import simcb
from simcb import client
from simcb.errors import MissingExtraError
from simcb.scenario import parse_scenario
from simcb.studies import StudyError

BASE = parse_scenario(SMALL)


def test_a_move_runs_the_scenario_and_redraws_it() -> None:
    """It begins at the file's own setting; the card and the picture are those of the last run."""
    pytest.importorskip("ipywidgets")
    over = {"breaker.failure_threshold": (1, 20), "breaker.recovery_timeout": ("1s", "9s")}
    shown = simcb.explore(BASE, over)
    threshold, timeout = shown.sliders.values()
    assert (threshold.value, str(timeout.value)) == (3, "2s")
    assert [value for _, value in threshold.options] == list(range(1, 21))
    *_, card, picture = shown.box.children
    assert shown.view is not None
    assert shown.view.digest == simcb.run(BASE).digest
    before = card.value, bytes(picture.value)
    assert bytes(picture.value).startswith(b"\x89PNG")
    threshold.value = 20
    assert shown.view.digest == simcb.run(BASE.with_({"breaker.failure_threshold": 20})).digest
    assert card.value == shown.view._repr_html_() != before[0]
    assert picture.value != before[1]
    assert "application/vnd.jupyter.widget-view+json" in shown._repr_mimebundle_()


def test_values_may_be_listed_and_the_files_own_is_among_them() -> None:
    """In its place among numbers; what cannot be run is told, and the next move runs again."""
    pytest.importorskip("ipywidgets")
    shown = simcb.explore(BASE, {"breaker.failure_threshold": [1, 9], "store.workers": [8, 0]})
    threshold, workers = shown.sliders.values()
    assert [value for _, value in threshold.options] == [1, 3, 9]
    workers.value = 0
    *_, card, picture = shown.box.children
    assert shown.view is None
    assert "store.workers=0" in card.value
    assert picture.value == b""
    workers.value = 8
    assert shown.view is not None


CODE = """
import simcb.client

def make(retries=1):
    async def request():
        for _ in range(1 + retries):
            try:
                return await simcb.client.call("store", timeout=0.2)
            except simcb.client.CallFailedError:
                pass

    return request
"""


def test_an_argument_of_ones_own_code_can_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins at its default; a function that no other process could find runs as well."""
    pytest.importorskip("ipywidgets")
    (tmp_path / "explored_client.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    code = {"shop": "explored_client:make"}
    shown = simcb.explore(BASE, {"client.shop.retries": (0, 3)}, clients=code)
    (retries,) = shown.sliders.values()
    assert retries.value == 1
    retries.value = 3
    assert shown.view is not None
    code = {"shop": "explored_client:make(retries=3)"}
    assert shown.view.digest == simcb.run(BASE, clients=code).digest

    async def request() -> None:
        await client.call("store")

    shown = simcb.explore(BASE, {"store.workers": (1, 4)}, clients={"shop": request})
    assert shown.view is not None
    with pytest.raises(StudyError, match="is up to the code of shop"):
        simcb.explore(BASE, {"breaker.failure_threshold": (1, 4)}, clients={"shop": request})
    with pytest.raises(StudyError, match=r"or `clients="):
        simcb.explore(BASE, {"client.shop.retries": (1, 4)})


def test_what_cannot_be_explored_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No place, no values, no library."""
    for over, said in (
        ({}, "nothing can be moved"),
        ({"breaker.nothing": (1, 2)}, "breaker.nothing"),
        ({"breaker.failure_threshold": (9, 1)}, "does not go upwards"),
    ):
        with pytest.raises(StudyError, match=said):
            simcb.explore(BASE, over)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'simcb\[notebook\]'"):
        simcb.explore(BASE, {"breaker.failure_threshold": (1, 2)})
