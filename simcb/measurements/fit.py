"""What files of measurements come to, and the scenario words that say it.

Workers are proposed by Little's law: on average rate times time requests are in progress, and a
pool should neither be busier than `BUSIEST` nor let them wait for more than `MOST_WAIT` of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simcb.measurements.loops import Loop
from simcb.measurements.shapes import Point, rounded
from simcb.measurements.values import Floats
from simcb.predictions.formulas import wait_ggc
from simcb.predictions.spread import beyond, variation
from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.distributions import Distribution
from simcb.scenario.recorded import Column, recording_text
from simcb.scenario.units import format_duration, format_rate, format_share
from simcb.scenario.writer import flow, to_yaml

BUSIEST = 0.7
"""How busy proposed workers are on average."""

MOST_WAIT = 0.02
"""Part of the mean time that requests may wait for one of the proposed workers on average."""

MOST_MOMENTS = 1_000_000
"""Requests beyond which a file of arrivals has the rate of each second instead of each request."""

_PLACES = {"kind": 0, "min": 1, "max": 3, "mean": 4}  # where words stand; all others between

USERS = "users"
"""What the client group of traces is called."""


@dataclass(frozen=True)
class FittedService:
    """A service as measured.

    Args:
        name: what it is called.
        work: how long a worker is held; None where no times were measured.
        points: how good the fit is.
        errors: share of requests that fail; None if unknown.
        rate: requests per second; None if unknown.
        held: mean seconds for which a request holds a worker; None if unknown.
        requests: how many were measured.
        calls: whom it asks: name to (share of requests that do, seconds each way).
        steps: (seconds, share that is longer) of the times themselves, to be drawn.
        most: how many requests can be in progress at a time, since no more users ask; None for
            any number.
    """

    name: str
    work: Distribution | None
    points: tuple[Point, ...]
    errors: float | None
    rate: float | None
    held: float | None
    requests: int | None
    calls: Mapping[str, tuple[float, float]]
    steps: tuple[tuple[float, float], ...] = ()
    most: int | None = None

    @property
    def busy(self) -> float | None:
        """Requests in progress on average, by Little's law: rate times time."""
        return None if self.rate is None or self.held is None else self.rate * self.held

    @property
    def workers(self) -> int | None:
        """How many workers keep them `BUSIEST` busy at most, and add no wait to speak of.

        Measured times hold whatever wait there was, so the proposed ones add at most `MOST_WAIT`
        to it. Nobody waits where each user has a worker.
        """
        if self.busy is None:
            return None
        least = max(1, math.ceil(self.busy / BUSIEST))
        most = self.most or math.inf
        if self.rate and self.held and self.work is not None:
            limit, spread = MOST_WAIT * self.held, variation(self.work)
            while least < most and wait_ggc(least, self.rate, self.held, 1.0, spread) > limit:
                least += 1
        return int(min(least, most))

    @property
    def distance(self) -> float | None:
        """The greatest difference of the shares that are longer, measured and fitted.

        That is the Kolmogorov-Smirnov distance, at up to 400 of the measured times; None where
        only percentiles are known.
        """
        law = self.work
        if law is None or not self.steps:
            return None
        return max(abs(beyond(law, time) - share) for time, share in self.steps)

    @property
    def words(self) -> dict[str, object]:
        """What a scenario says of it."""
        found: dict[str, object] = {}
        if self.workers is not None:
            found["workers"] = self.workers
        if self.work is not None:
            data: dict[str, object] = self.work.to_data()
            words = sorted(data, key=lambda word: _PLACES.get(word, 2))
            found["work"] = data.get("value", {word: data[word] for word in words})
        if self.errors:
            found["errors"] = format_share(rounded(self.errors, 3))
        if self.calls:
            found["calls"] = {
                name: ({"share": format_share(rounded(share, 3))} if share < 1.0 else {})
                | ({"network": format_duration(rounded(way, 2))} if way else {})
                for name, (share, way) in self.calls.items()
            }
        return found


@dataclass(frozen=True)
class Fit:
    """What files of measurements come to.

    Args:
        sources: each file, what format it has, and how many requests it is about, if it says so.
        services: what is asked; the first is what clients ask.
        entered: of traces: services that clients ask, and how many requests each gets per second.
        moments: when requests came, in seconds from the first.
        resolution: what these were cut to, in seconds; 0 for not at all.
        rates: requests per second, one after the other, where there are no moments.
        every: for how long each of these held, in seconds.
        seconds: how long it was measured.
        dispersion: variance of the counts per second divided by their mean: 1 for independent
            requests; None if unknown.
        client: the client group that is meant, if one is named.
        warnings: what makes these numbers say something else than one may think.
        notes: what else has to be known about them.
        loop: the users who asked, if they are known.
        closed: whether arrivals are those of users who wait for answers.
    """

    sources: tuple[tuple[str, str, int | None], ...]
    services: tuple[FittedService, ...]
    entered: Mapping[str, float | None]
    moments: Floats | None
    resolution: float
    rates: tuple[float, ...]
    every: float
    seconds: float | None
    dispersion: float | None
    client: str | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    loop: Loop | None = None
    closed: bool = False

    @property
    def rate(self) -> float | None:
        """Requests per second that come from clients."""
        known = [rate for rate in self.entered.values() if rate is not None]
        return math.fsum(known) if known else None

    @property
    def csv(self) -> str:
        """The data file of the arrivals; "" if there is nothing to replay."""
        if self.closed:
            return ""
        if self.moments is not None and len(self.moments) <= MOST_MOMENTS:
            return recording_text(self._placed().tolist(), Column.TIMESTAMPS)
        rates = self._rates()
        return recording_text(rates, Column.RATES) if rates else ""

    def _placed(self) -> Floats:
        assert self.moments is not None
        if self.resolution:
            return np.floor(self.moments / self.resolution + 1e-9) * self.resolution
        return np.round(self.moments, 6)

    def _rates(self) -> list[float]:
        """Return the requests per second of each second of a log, or those that were published."""
        if self.moments is None:
            return [rounded(rate, 6) for rate in self.rates]
        return [float(count) for count in np.bincount(np.floor(self.moments).astype(int))]

    def arrivals(self, file: str = "") -> dict[str, object] | None:
        """Return what a scenario says of arrivals: users, a replay of a file, or the mean rate."""
        if self.closed and self.loop is not None:
            return self.loop.words
        if file and self.csv:
            if self.moments is not None and len(self.moments) <= MOST_MOMENTS:
                cut = {"resolution": format_duration(self.resolution)} if self.resolution else {}
                return {"kind": "replay", "file": file, **cut}
            every = 1.0 if self.moments is not None else self.every
            return {"kind": "replay", "file": file, "interval": format_duration(every)}
        if not self.rate:
            return None
        return {"kind": "poisson", "rate": format_rate(rounded(self.rate, 4))}

    def overlay(self, file: str = "") -> str:
        """Return what lies over a scenario (`-f`): its words by their paths.

        Args:
            file: the data file of the arrivals; their mean rate is given if it is left out.
        """
        found: dict[str, object] = {}
        arrivals = self.arrivals(file)
        if arrivals is not None and len(self.entered) == 1:
            found[f"clients.{self.client}.arrivals" if self.client else "arrivals"] = arrivals
        for each in self.services:
            found |= {f"{each.name}.{word}": value for word, value in each.words.items()}
        lines = (f"{path}: {flow(v) if isinstance(v, dict) else v}\n" for path, v in found.items())
        return self._heading() + "".join(lines)

    def scenario(self, file: str = "") -> str:
        """Return a scenario to start from: one client group for each service that is entered.

        Args:
            file: the data file of the arrivals; their mean rate is given if it is left out.
        """
        clients: dict[str, object] = {}
        for name, rate in self.entered.items():
            alone = len(self.entered) == 1
            arrivals = self.arrivals(file) if alone else None
            if arrivals is None:
                arrivals = {"kind": "poisson", "rate": format_rate(rounded(rate or 1.0, 4))}
            group = (self.client or USERS) if alone else f"{USERS}-{name}"
            clients[group] = {"arrivals": arrivals, "calls": {name: {}}}
        services = {each.name: {"workers": 1, "work": "0s", **each.words} for each in self.services}
        seconds = min(max(60.0, math.ceil(self.seconds or 300.0)), 3600.0)
        data = {
            "name": f"{self.services[0].name}-as-measured",
            "duration": format_duration(seconds),
            "clients": clients,
            "services": services,
        }
        return self._heading(self.guesses) + to_yaml(data)

    @property
    def guesses(self) -> tuple[str, ...]:
        """What a whole scenario has although nothing was measured of it, in sentences."""
        without_rate = [name for name, rate in self.entered.items() if rate is None]
        found = [f"no rate of {name} was measured: 1/s stands for it" for name in without_rate]
        for each in self.services:
            if each.work is None:
                found.append(f"no times of {each.name} were measured: 0s stands for its work")
            if each.workers is None:
                found.append(f"how many workers {each.name} has is unknown: 1 stands for it")
        return tuple(found)

    def read(self) -> Scenario:
        """Return that scenario, with the mean rate of the arrivals."""
        return parse_scenario(self.scenario(), "<fit>")

    def _heading(self, guesses: tuple[str, ...] = ()) -> str:
        lines = [f"fitted by simcb to {name} ({form})" for name, form, _ in self.sources]
        lines += [
            f"{word}: {s}"
            for word, those in (
                ("guess", guesses),
                ("warning", self.warnings),
                ("note", self.notes),
            )
            for s in those
        ]
        return "".join(f"# {_printable(line)}\n" for line in lines)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:400]
