"""Several scrapes of Prometheus: what came between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_measurements import samples

from simcb.measurements import MeasurementError, fit_files
from simcb.predictions.spread import quantile

ROWS = samples.requests(2000)
HALF = 900
EARLIER, LATER = samples.prometheus_text(ROWS[:HALF]), samples.prometheus_text(ROWS)
NAME = "http_request_duration_seconds"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with two scrapes of one process in it."""
    monkeypatch.chdir(tmp_path)
    Path("a.prom").write_text(EARLIER)
    Path("b.prom").write_text(LATER)
    return tmp_path


def test_two_scrapes_are_what_came_between_them(folder: Path) -> None:
    """The fit is that of a scrape which had counted the later requests alone."""
    Path("alone.prom").write_text(samples.prometheus_text(ROWS[HALF:]))
    (between,) = fit_files(["a.prom", "b.prom"], "p", between=20.0).services
    (alone,) = fit_files(["alone.prom"], "p").services
    assert between.requests == alone.requests == len(ROWS) - HALF
    assert between.errors == pytest.approx(samples.failed(ROWS[HALF:]))
    assert between.held == pytest.approx(samples.mean(ROWS[HALF:]))
    assert between.rate == (len(ROWS) - HALF) / 20.0
    assert between.work is not None
    assert alone.work is not None
    for share in (0.1, 0.5, 0.9, 0.99):
        assert quantile(between.work, share) == pytest.approx(quantile(alone.work, share))


def test_three_scrapes_are_the_time_from_the_first_to_the_last(folder: Path) -> None:
    """Each gap adds up, one in which the process began anew with what it counted since."""
    Path("c.prom").write_text(samples.prometheus_text(ROWS[:300]))
    fit = fit_files(["a.prom", "b.prom", "c.prom"], "p", between=20.0)
    assert fit.services[0].requests == len(ROWS) - HALF + 300
    assert fit.rate is None
    assert any("began anew" in note for note in fit.notes)


def test_a_restart_is_noticed_by_any_counter_and_by_the_start_time(folder: Path) -> None:
    """A bucket that rose is not subtracted where another fell; nor where the process is another."""
    labels = 'le="%s"} %d\n'
    old = f"{NAME}_bucket{{{labels}" % ("0.1", 5) + f"{NAME}_bucket{{{labels}" % ("+Inf", 50)
    new = f"{NAME}_bucket{{{labels}" % ("0.1", 8) + f"{NAME}_bucket{{{labels}" % ("+Inf", 40)
    Path("a.prom").write_text(old)
    Path("b.prom").write_text(new)
    assert fit_files(["a.prom", "b.prom"], between=9.0).services[0].requests == 40
    began = "process_start_time_seconds %d\n"
    Path("a.prom").write_text(EARLIER + began % 1000)
    Path("b.prom").write_text(LATER + began % 2000)
    fit = fit_files(["a.prom", "b.prom"], between=9.0)
    assert fit.services[0].requests == len(ROWS)
    assert fit.rate is None


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        (lambda text, at: text + f"process_uptime_seconds {at}\n", 30.0),
        (
            lambda text, at: "".join(
                f"{line} {1_700_000_000_000 + at * 1000}\n"
                if line.startswith(NAME)
                else f"{line}\n"
                for line in text.splitlines()
            ),
            30.0,
        ),
    ],
    ids=["uptime", "stamps"],
)
def test_scrapes_that_say_when_they_were_give_the_rate(
    clock: object, seconds: float, folder: Path
) -> None:
    """The stamps of the samples, or how long the process is up."""
    assert callable(clock)
    Path("a.prom").write_text(clock(EARLIER, 70))
    Path("b.prom").write_text(clock(LATER, 100))
    fit = fit_files(["a.prom", "b.prom"])
    assert fit.rate == pytest.approx((len(ROWS) - HALF) / seconds)


def test_without_a_clock_there_is_no_rate_and_the_remedy_is_said(folder: Path) -> None:
    """Nothing is guessed; `--between` is named, and repeated in a form that is read again."""
    done = simcb("fit", "a.prom", "b.prom")
    assert "--between 60s gives the rate" in done.stdout
    done = simcb("fit", "a.prom", "b.prom", "--between", "1m")
    assert "arrivals  {kind: poisson, rate: 18.33/s}" in done.stdout
    assert done.stdout.splitlines()[-1] == "repeat: simcb fit a.prom b.prom --between 1m"


@pytest.mark.parametrize(
    ("later", "what"),
    [
        (LATER.replace('le="0.25"', 'le="0.3"'), r"other buckets .* \(0.25, 0.3\)"),
        (LATER.replace("http_request", "rpc"), "`a.prom` has none of it"),
        (LATER.replace('code="', 'code="9'), "no labels .* in common"),
        (EARLIER, "counts no times"),
        (LATER + LATER, "second value"),
        ("# TYPE a counter\na 5\n", "0 histograms"),
    ],
)
def test_scrapes_that_do_not_match_are_refused(later: str, what: str, folder: Path) -> None:
    """Other buckets, another histogram, other labels, nothing new, two scrapes in one file."""
    Path("b.prom").write_text(later)
    with pytest.raises(MeasurementError, match=what):
        fit_files(["a.prom", "b.prom"])


def test_the_order_of_stamps_and_the_number_of_scrapes_are_checked(folder: Path) -> None:
    """The earlier comes first; a time between needs two."""
    for name, stamp in (("a.prom", 200), ("b.prom", 100)):
        text = "".join(
            f'{NAME}_bucket{{le="{bound}"}} {stamp} {stamp}\n' for bound in ("0.1", "+Inf")
        )
        Path(name).write_text(text)
    with pytest.raises(MeasurementError, match="name the earlier scrape first"):
        fit_files(["a.prom", "b.prom"])
    with pytest.raises(MeasurementError, match="there are not two"):
        fit_files(["a.prom"], between=9.0)


def test_a_summarys_quantiles_are_the_last_ones(folder: Path) -> None:
    """They cannot be subtracted, and that is said; its mean is that of the time between."""
    text = 'rpc_seconds{{quantile="0.5"}} {0}\nrpc_seconds{{quantile="0.9"}} {1}\n'
    text += "rpc_seconds_sum {2}\nrpc_seconds_count {3}\n"
    Path("a.prom").write_text(text.format(0.1, 0.2, 100, 500))
    Path("b.prom").write_text(text.format(0.4, 0.9, 150, 600))
    fit = fit_files(["a.prom", "b.prom"], between=10.0)
    assert (fit.services[0].held, fit.services[0].requests) == (0.5, 100)
    assert {point.measured for point in fit.services[0].points} >= {0.4, 0.9}
    assert any("quantiles are those of the last scrape" in note for note in fit.notes)
