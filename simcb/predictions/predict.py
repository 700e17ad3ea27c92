"""All predictions of a scenario, in the order of reading."""

from __future__ import annotations

from dataclasses import dataclass

from simcb.metrics import no_effect_warnings
from simcb.predictions.admission import admission_predictions
from simcb.predictions.breakers import breaker_predictions
from simcb.predictions.faults import fault_predictions
from simcb.predictions.guarded import (
    ONE_FOR_SEVERAL,
    Guarded,
    guarded_calls,
    guarded_groups,
)
from simcb.predictions.load import load_predictions
from simcb.predictions.overload import overload_predictions
from simcb.predictions.scaling import scaling_predictions
from simcb.predictions.traffic import Traffic, ordinary
from simcb.predictions.values import Prediction
from simcb.scenario import Scenario


@dataclass(frozen=True)
class Predictions:
    """What formulas say of a scenario.

    Args:
        traffic: its ordinary day.
        guarded: the calls that have a breaker of their own.
        groups: the breakers that several calls have together.
        items: the predictions.
        warnings: what in the file can never matter, in sentences.
    """

    traffic: Traffic
    guarded: tuple[Guarded, ...]
    groups: tuple[Guarded, ...]
    items: tuple[Prediction, ...]
    warnings: tuple[str, ...]

    @property
    def breakers(self) -> tuple[Guarded, ...]:
        """All that guards calls."""
        return self.guarded + self.groups

    @property
    def left_out(self) -> str:
        """What is said of the breakers of groups, of which faults are not told; "" without any."""
        names = " and that of ".join(each.name for each in self.groups)
        return ONE_FOR_SEVERAL.format(names) if names else ""

    @property
    def scenario(self) -> Scenario:
        """What was looked at."""
        return self.traffic.scenario

    def of(self, name: str, subject: str = "", fault: str = "") -> tuple[Prediction, ...]:
        """Return the predictions of a name; of one subject and fault if they are given."""
        return tuple(
            each
            for each in self.items
            if each.name == name and subject in ("", each.subject) and fault in ("", each.fault)
        )


def predict(scenario: Scenario) -> Predictions:
    """Return what formulas say of a scenario; nothing is run."""
    traffic = ordinary(scenario)
    guarded, groups = guarded_calls(traffic), guarded_groups(traffic)
    items = [*load_predictions(traffic), *admission_predictions(traffic)]
    for over in overload_predictions(traffic):
        places = [place for place, each in enumerate(items, 1) if each.subject == over.subject]
        items.insert(places[-1] if places else len(items), over)
    for scaled in scaling_predictions(traffic, scenario):
        # Beside what else there is to say of the service.
        places = [place for place, each in enumerate(items, 1) if each.subject == scaled.subject]
        items.insert(places[-1], scaled)
    for each in guarded:
        items += breaker_predictions(traffic, each)
        items += fault_predictions(traffic, each)
    for each in groups:
        items += breaker_predictions(traffic, each)
    return Predictions(traffic, guarded, groups, tuple(items), no_effect_warnings(scenario))
