"""Measurements of a real system, and the scenario words that are fitted to them.

Each format has one module with a `FORMAT`: how such a file is recognised and how it is read.
`formats` is the table of them; `fitting` makes arrivals, work, errors and workers of what they
found; `traces` makes services and calls of spans. Nothing here knows how it is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.window import window

if TYPE_CHECKING:
    from simcb.measurements.fit import Fit, FittedService
    from simcb.measurements.fitting import fit_files
    from simcb.measurements.formats import FORMATS
    from simcb.measurements.shapes import Point
    from simcb.measurements.source import MeasurementError

__all__ = ["FORMATS", "Fit", "FittedService", "MeasurementError", "Point", "fit_files"]

__getattr__ = window(
    __name__,
    {
        "fit": "Fit FittedService",
        "fitting": "fit_files",
        "formats": "FORMATS",
        "shapes": "Point",
        "source": "MeasurementError",
    },
)
