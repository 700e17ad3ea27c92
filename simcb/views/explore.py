"""Sliders over a scenario in a notebook: each move runs it, its card and timeline follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simcb.errors import MissingExtraError, SimcbError
from simcb.scenario import Scenario
from simcb.scenario.axes import Axis, to_plain
from simcb.scenario.units import Measuring, Value, quantity_of
from simcb.studies import Baseline, Clients, StudyError, coded
from simcb.studies.clients import check_paths_beside, examined, is_code, named_clients, with_code
from simcb.studies.evaluation.settings import (
    applied,
    axis_of,
    check_places,
    labels_of,
    values_at,
)
from simcb.views.html import safe
from simcb.views.notebook import load, run
from simcb.views.run_view import RunView

STOPS = 50
"""Places of a slider over a range; whole numbers have each their own if they are no more."""


def explore(
    scenario: Scenario | str | Path,
    over: Mapping[str, object],
    *,
    seed: int = 0,
    replicates: int = 1,
    baseline: Baseline | None = "none",
    clients: Clients | None = None,
) -> Explored:
    """Return sliders over places of a scenario, in a notebook; each move runs it.

    They begin where the scenario is. All runs have the same random streams.

    Args:
        scenario: a scenario, or what `load` makes one of.
        over: what can be moved, and how far: `{"breaker.failure_threshold": (1, 20),
            "breaker.recovery_timeout": ("1s", "60s"), "breaker.shared": [True, False]}`: two
            ends, a list of values, or a text as an axis of a sweep has it.
        seed: the random seed.
        replicates: how many runs at each place.
        baseline: "none" also runs it without any breaker, which says whether the breaker helps.
        clients: your own code for a client group in place of its calls; its arguments can be
            moved, too: `client.shop.retries`.

    Raises:
        ScenarioError: the scenario cannot be read.
        StudyError: a place is not there, or no values are.
        MissingExtraError: ipywidgets is not installed.
    """
    read = scenario if isinstance(scenario, Scenario) else load(scenario)
    axes = [axis_of(path, _spec(given)) for path, given in over.items()]
    if not axes:
        raise StudyError("nothing can be moved", 'give {"breaker.failure_threshold": (1, 20)}')
    paths = [each.path for axis in axes for each in axis.each_place]
    coded(read, clients)
    check_paths_beside(read, paths, clients or ())
    # Only code that is varied has to be found by a name: what a notebook defines has none.
    code = examined(named_clients(clients), axes)[0] if any(map(is_code, paths)) else {}
    check_places(read, axes, code)
    words = {"seed": seed, "replicates": replicates, "baseline": baseline, "clients": clients}
    return Explored(read, axes, code, words)


def _spec(given: object) -> object:
    """Return two ends as the range between them."""
    return f"{given[0]}..{given[1]}" if isinstance(given, tuple) and len(given) == 2 else given


def _stops(axis: Axis, own: Value | None) -> list[Value]:
    """Return where a slider can stand: the axis's values, and the scenario's own among them."""
    found = list(axis.values)
    if axis.span is not None and not found:
        whole = axis.span.measuring is Measuring.INTEGER
        count = min(STOPS, round(axis.span.high - axis.span.low) + 1) if whole else STOPS
        shares = [place / (count - 1) for place in range(count)]
        found = list(dict.fromkeys(axis.span.spread(shares)))
    meanings = [quantity_of(value) for value in found]
    mine = quantity_of(own) if own is not None else None
    if own is None or own in found or (mine is not None and mine in meanings):
        return found
    place = sum(bool(each and mine and each.number < mine.number) for each in meanings)
    return [*found[:place], own, *found[place:]]


class Explored:
    """Sliders, and below them what the last run came to. A notebook shows it."""

    def __init__(
        self,
        scenario: Scenario,
        axes: list[Axis],
        code: Mapping[str, str],
        words: Mapping[str, Any],
    ) -> None:
        try:
            import ipywidgets as widgets  # type: ignore[import, unused-ignore]
        except ImportError:
            raise MissingExtraError("ipywidgets", "notebook") from None
        self._scenario, self._code, self._words = scenario, code, words
        self._card, self._picture = widgets.HTML(), widgets.Image(format="png")
        self.sliders: dict[str, Any] = {}
        """The sliders by the paths of what they move."""
        self.view: RunView | None = None
        """The last run; None if the scenario refused the setting."""
        own_values = values_at(scenario, axes, code)
        for axis, label, own in zip(axes, labels_of(scenario, axes), own_values, strict=True):
            stops = _stops(axis, own)
            mine = quantity_of(own) if own is not None else None
            at = (n for n, each in enumerate(stops) if each == own or quantity_of(each) == mine)
            slider = widgets.SelectionSlider(
                options=[(str(each), each) for each in stops],
                index=next(at, 0),
                description=label,
                continuous_update=False,
                style={"description_width": "initial"},
            )
            slider.observe(self._moved, names="value")
            self.sliders[axis.path] = slider
        self.box = widgets.VBox([*self.sliders.values(), self._card, self._picture])
        self._moved()

    def _moved(self, change: object = None) -> None:
        changes = {path: to_plain(slider.value) for path, slider in self.sliders.items()}
        try:
            moved = {"clients": with_code(self._code, changes)} if self._code else {}
            self.view = run(applied(self._scenario, changes), **{**self._words, **moved})
            self._card.value = self.view._repr_html_()
            self._picture.value = self.view.plot()._repr_png_()  # type: ignore[attr-defined]
        except SimcbError as error:
            self.view, self._picture.value = None, b""
            self._card.value = f"<p>{safe(str(error))}</p>"

    def _repr_mimebundle_(self, **words: Any) -> Any:
        return self.box._repr_mimebundle_(**words)
