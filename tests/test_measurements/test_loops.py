"""Users who wait for answers: their load test is known as one, and comes back when it is run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from simcb.measurements import Fit, MeasurementError, fit_files
from simcb.scenario import parse_scenario, read_scenario
from simcb.studies import run_once

SECONDS = 120.0
USERS = 20

SYSTEM = """
name: load-test
duration: 120s
clients: {{users: {{arrivals: {arrivals}, calls: {{shop: {{timeout: 60s}}}}}}}}
services: {{shop: {{workers: 15, work: {{kind: lognormal, p50: 100ms, p99: 500ms}}}}}}
"""
PAUSES = "{kind: closed, users: 20, think: {kind: uniform, low: 200ms, high: 1s}}"
NO_PAUSES = "{kind: closed, users: 20, think: 0s}"
AT_A_RATE = "{kind: poisson, rate: 25/s}"


@dataclass(frozen=True)
class Load:
    """What a load test saw: when each request began and how long it took, in seconds."""

    begins: np.ndarray
    times: np.ndarray

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.begins) / SECONDS

    @property
    def mean(self) -> float:
        """Mean seconds of a request."""
        return float(self.times.mean())


@cache
def seen(text: str, seed: int = 0) -> Load:
    """What users of a scenario see."""
    requests = run_once(parse_scenario(text), seed, 0).trace.requests
    done = requests[~np.isnan(requests["end"])]
    return Load(done["arrival"].copy(), (done["end"] - done["arrival"]).copy())


def k6_summary(load: Load, iteration: float | None) -> str:
    """A summary; each iteration has two requests."""
    shares = {"min": 0.0, "med": 0.5, "p(90)": 0.9, "p(95)": 0.95, "p(99)": 0.99, "max": 1.0}
    times = {word: float(np.quantile(load.times, q)) * 1e3 for word, q in shares.items()}
    metrics: dict[str, object] = {
        "http_req_duration": {"avg": load.mean * 1e3, **times},
        "http_reqs": {"count": len(load.begins), "rate": load.rate},
        "vus_max": {"value": USERS, "min": USERS, "max": USERS},
    }
    if iteration is not None:
        metrics["iterations"] = {"count": len(load.begins) // 2, "rate": load.rate / 2}
        metrics["iteration_duration"] = {"avg": iteration * 1e3}
    return json.dumps({"metrics": metrics})


def k6_csv(load: Load, iteration: float | None) -> str:
    """Points: those of users each second, of each request, and of each iteration."""
    rows = ["metric_name,timestamp,metric_value,expected_response,status"]
    rows += [f"vus,{1_700_000_000 + second},{USERS},," for second in range(int(SECONDS))]
    for number, (begin, time) in enumerate(zip(load.begins, load.times, strict=True)):
        rows.append(f"http_req_duration,{1.7e9 + begin + time:.6f},{time * 1e3},true,200")
        if iteration is not None and number % 2:
            rows.append(f"iteration_duration,{1.7e9 + begin + time:.6f},{iteration * 1e3},,")
    return "\n".join(rows) + "\n"


def locust(load: Load, users: Callable[[int], int] = lambda second: USERS) -> str:
    """A history, whose rates are means over ten seconds."""
    rows = [
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,Total Request Count,"
        "Total Failure Count,Total Average Response Time"
    ]
    ends = np.sort(load.begins + load.times)
    for second in range(1, int(SECONDS) + 1):
        total, before = np.searchsorted(ends, [second, second - 10])
        rows.append(
            f"{1_700_000_000 + second},{users(second)},,Aggregated,{(total - before) / 10},0,100,"
            f"{total},0,{load.mean * 1e3}"
        )
    return "\n".join(rows) + "\n"


def fitted(folder: Path, *texts: str, arrivals: str | None = None) -> Fit:
    """What files come to."""
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.txt")
        files[-1].write_text(text)
    return fit_files(files, "shop", arrivals=arrivals)


@pytest.mark.parametrize("arrivals", [PAUSES, NO_PAUSES])
@pytest.mark.parametrize("form", ["k6 summary", "k6 csv", "k6 csv of users", "locust"])
def test_a_closed_loop_comes_back(arrivals: str, form: str, tmp_path: Path) -> None:
    """What is fitted is run, and rate and latency are within 5% of what was measured."""
    load = seen(SYSTEM.format(arrivals=arrivals))
    iteration = 2 * USERS / load.rate
    texts = {
        "k6 summary": [k6_summary(load, iteration)],
        "k6 csv": [k6_csv(load, iteration)],
        "k6 csv of users": [k6_csv(load, None)],
        "locust": [locust(load), k6_summary(load, None).replace("vus_max", "other")],
    }
    fit = fitted(tmp_path, *texts[form])
    assert fit.closed
    assert fit.arrivals("a.csv")["users"] == USERS
    assert fit.csv == ""
    assert "a closed loop" in fit.notes[0]
    again = seen(fit.scenario(), seed=9)
    assert again.rate == pytest.approx(load.rate, rel=0.05)
    assert again.mean == pytest.approx(load.mean, rel=0.05)
    for share in (0.5, 0.95):
        measured = float(np.quantile(load.times, share))
        assert float(np.quantile(again.times, share)) == pytest.approx(measured, rel=0.05)


def test_a_loop_without_pauses_is_known_by_its_requests_alone(tmp_path: Path) -> None:
    """If all users always wait for an answer, nobody need say how long an iteration took."""
    load = seen(SYSTEM.format(arrivals=NO_PAUSES))
    fit = fitted(tmp_path, k6_summary(load, None))
    assert fit.arrivals() == {"kind": "closed", "users": USERS, "think": "0s"}
    assert fit.services[0].workers == USERS


def test_an_open_test_stays_open(tmp_path: Path) -> None:
    """A test at a rate has more users than it needs; that is said, and can be overruled."""
    load = seen(SYSTEM.format(arrivals=AT_A_RATE))
    for text in (k6_summary(load, 2 * load.mean), k6_csv(load, 2 * load.mean)):
        fit = fitted(tmp_path, text)
        assert not fit.closed
        assert fit.arrivals()["kind"] == "poisson"
        assert "no closed loop is shown by that; `--arrivals closed`" in fit.notes[0]
        forced = fitted(tmp_path, text, arrivals="closed")
        assert forced.arrivals()["kind"] == "closed"
        assert forced.rate == pytest.approx(25.0, rel=0.05)


def test_a_crowd_that_grows_all_the_time_is_no_loop_of_so_many(tmp_path: Path) -> None:
    """Users that come one after the other are half of the most on average."""
    load = seen(SYSTEM.format(arrivals=PAUSES))
    fit = fitted(tmp_path, locust(load, lambda second: 1 + second * USERS // 120))
    assert not fit.closed
    assert fit.arrivals("a.csv")["kind"] == "replay"


def test_users_who_wait_for_several_answers_at_once_are_none_of_a_scenario(tmp_path: Path) -> None:
    """k6's `http.batch` has more requests in progress than there are users."""
    load = seen(SYSTEM.format(arrivals=NO_PAUSES))
    fit = fitted(tmp_path, k6_summary(load, USERS / load.rate))
    assert not fit.closed
    assert "waited for 20 answers: no closed loop of one after the other" in fit.notes[0]


def test_open_and_closed_can_be_chosen(tmp_path: Path) -> None:
    """Those who ask in production do not wait, as a load test's users do."""
    load = seen(SYSTEM.format(arrivals=PAUSES))
    text = k6_csv(load, 2 * USERS / load.rate)
    fit = fitted(tmp_path, text, arrivals="open")
    assert fit.arrivals("a.csv")["kind"] == "replay"
    assert fit.loop.shown
    with pytest.raises(MeasurementError, match="--arrivals: is `both`; write open or closed"):
        fitted(tmp_path, text, arrivals="both")
    alone = k6_summary(load, None).replace("vus_max", "other")
    with pytest.raises(MeasurementError, match="no file says how many virtual users asked"):
        fitted(tmp_path, alone, arrivals="closed")


def test_counts_that_cannot_be_are_refused_or_bounded(tmp_path: Path) -> None:
    """More users than a scenario has; more active ones than there are."""
    load = seen(SYSTEM.format(arrivals=PAUSES))
    with pytest.raises(MeasurementError, match=r"has 1e\+18 virtual users"):
        fitted(tmp_path, locust(load, lambda second: 10**18))
    fit = fitted(tmp_path, k6_summary(load, 1e300))
    assert fit.arrivals()["users"] == USERS


def test_an_overlay_with_a_loop_lies_over_arrivals_at_a_rate(tmp_path: Path) -> None:
    """The words of the other kind go."""
    load = seen(SYSTEM.format(arrivals=PAUSES))
    fit = fitted(tmp_path, k6_summary(load, 2 * USERS / load.rate))
    (tmp_path / "s.yaml").write_text(SYSTEM.format(arrivals=AT_A_RATE))
    (tmp_path / "f.yaml").write_text(fit.overlay())
    over = read_scenario(tmp_path / "s.yaml", overlays=[tmp_path / "f.yaml"])
    assert over.clients["users"].arrivals.kind == "closed"
