"""A CSV of requests that somebody wrote, and lists that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcb.measurements import MeasurementError, fit_files
from simcb.scenario import parse_scenario

ROWS = [(i * 0.5, 100 + i % 50, "ok" if i % 10 else "error") for i in range(200)]


def written(folder: Path, header: str, form: str) -> Path:
    path = folder / "own.csv"
    path.write_text("\n".join([header, *(form.format(*row) for row in ROWS)]) + "\n")
    return path


@pytest.mark.parametrize(
    ("header", "form", "scale"),
    [
        ("time,duration_ms,status", "{0},{1},{2}", 1e-3),
        ("Timestamp,Response Time (ms),Status", "17000{0:07.1f},{1},{2}", 1e-3),
        ("ts,latency_us,code", "{0},{1},200", 1e-6),
        ("start_time,elapsed_s", "{0},{1}", 1.0),
    ],
)
def test_columns_are_found_by_their_names(
    header: str, form: str, scale: float, tmp_path: Path
) -> None:
    """The unit is that of the column's name; who has no status has no failures."""
    path = written(tmp_path, header, form)
    (service,) = fit_files([path], "payments").services
    assert service.requests == len(ROWS)
    assert service.errors == pytest.approx(0.1 if "tatus" in header else 0.0)
    assert service.work is not None
    assert service.work.mean_value == pytest.approx(124.5 * scale, rel=0.02)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,duration\n0.1,20\n", "call it `duration_ms` or `duration_s`"),
        ("time,duration_ms,status\n0.1,20,maybe\n", "write its HTTP status, or `ok` or `error`"),
        ("0.1\n0.2\n0.3\n", "work: {kind: empirical, file: times.csv}"),
        ("a,b\n1,2\n", "a CSV with the header `timestamp,latency_ms,status`"),
    ],
)
def test_what_cannot_be_read_says_what_could(text: str, words: str, tmp_path: Path) -> None:
    """The header that would be read, and where a bare list belongs."""
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(MeasurementError) as error:
        fit_files([tmp_path / "own.csv"], "payments")
    assert words in str(error.value)


def test_a_bare_list_is_what_a_scenario_takes(tmp_path: Path) -> None:
    """So the advice to name it there holds."""
    (tmp_path / "times.csv").write_text("0.1\n0.2\n0.3\n")
    text = """
name: own
duration: 10s
clients: {shop: {arrivals: {kind: poisson, rate: 1/s}, calls: {db: {}}}}
services: {db: {workers: 1, work: {kind: empirical, file: times.csv}}}
"""
    scenario = parse_scenario(text, folder=tmp_path)
    assert scenario.services["db"].work.mean_value == pytest.approx(0.2)
