"""Files of measurements that are wrong, huge or hostile: a clear error, and no traceback."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_measurements import samples

from simcb.measurements import MeasurementError, fit_files
from simcb.measurements.source import MOST_JSON_BYTES

K6 = '{"metrics": {"http_req_duration": %s, "http_reqs": {"count": 10, "rate": 1}}}'
LINE = '1.1.1.1 - - [14/Nov/2023:22:13:20 +0000] "GET / HTTP/1.1" 200 1 "-" "a"'
SPAN = '{"resourceSpans": [{"scopeSpans": [{"spans": [%s]}]}]}'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("hello", "of no format that is known"),
        ("a,b\n1,2\n", "of no format that is known"),
        (K6 % '{"avg": "fast", "med": 1}', "`fast` as `avg`"),
        (K6 % '{"avg": NaN, "med": 1}', "NaN is no number"),
        (K6 % '{"avg": 1, "med": -Infinity}', "-Infinity is no number"),
        (K6 % '{"avg": 1, "med": -3}', "`-3` as `med`"),
        (K6 % '{"avg": 1, "med": true}', "as `med`"),
        (K6 % '{"avg": 1, "med": 5, "p(90)": 4}', "p90 of less than its p50"),
        (K6 % "3", "no object as `http_req_duration`"),
        (K6 % '{"med": 5}', "too few percentiles"),
        ('{"metrics": [1], "x": "http_req_duration"}', "no object as `metrics`"),
        ('{"metrics": {"http_req_duration"', "is not JSON"),
        ('{"metrics": "http_req_duration", "a": ' + "[" * 100_000, "nests too deep"),
        ('{"metrics": "http_req_duration", "a": ' + "9" * 10_000 + "}", "is not JSON"),
        (LINE + "\n", "has no request times"),
        (LINE + " 0.1234\n" * 3, "has no request times"),
        (f"{LINE} 0.123\nx\ny\n", "2 lines of another form and 1 requests"),
        ("Type,Name,Request Count,Failure Count\n", "0 rows that are meant"),
        ("Type,Name,Request Count,Failure Count\n,Aggregated,x,0\n", "`x` as `Request Count`"),
        ("Type,Name,Request Count,Failure Count\n,Aggregated,0,0\n", "counts no requests"),
        ("Type,Name,Request Count\n,A,1\n", "no column `Failure Count`"),
        ("metric_name,timestamp,metric_value\nhttp_reqs,1,1\n", "no row of `http_req_duration`"),
        ("metric_name,timestamp,metric_value\nhttp_req_duration,soon,1\n", "`soon` as a moment"),
        ("metric_name,timestamp,metric_value\nhttp_req_duration,9,nan\n", "`nan` as"),
        ("       Value     Percentile   TotalCount 1/(1-Percentile)\n", "no rows below"),
        ('# TYPE a histogram\na_bucket{le="1"} 5\na_bucket{le="2"} 3\n', "do not rise"),
        ('# TYPE a histogram\na_bucket{le="1"} 0\na_bucket{le="+Inf"} 0\n', "counts no times"),
        ("# TYPE a counter\na 5\n", "0 histograms and summaries"),
        ('# TYPE a x\na{quantile="0.5",b="1"} 5\na{quantile="0.5",b="2"} 3\n', "cannot be added"),
        ("# TYPE a x\nb{ 5\n", "is no sample"),
        ('{"status": "success", "data": {"resultType": "scalar"}}', "a result of type"),
        (SPAN % '{"startTimeUnixNano": "x"}', "`x` as `startTimeUnixNano`"),
        (SPAN % '{"startTimeUnixNano": 1, "endTimeUnixNano": null}', "as `endTimeUnixNano`"),
        (SPAN % "5", "no object as a span"),
        ('{"resourceSpans": []}', "has no spans"),
        ('{"data": [{"traceID": "a", "spans": [{"processID": "p1"}]}]}', "a span's process"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(text: str, what: str, tmp_path: Path) -> None:
    """The message names the file, what is wrong in it, and what to do."""
    (tmp_path / "m.txt").write_text(text)
    with pytest.raises(MeasurementError) as caught:
        fit_files([tmp_path / "m.txt"], "s")
    assert what in str(caught.value)
    assert caught.value.remedy
    assert "m.txt" in caught.value.place or caught.value.place.startswith("--")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Binary, compressed, missing, a directory, a pipe: none is waited for or guessed at."""
    for name, data in (("a.gz", b"\x1f\x8b\x08"), ("b", b"a\x00b"), ("c", "x".encode("utf-16"))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MeasurementError, match=r"compressed|UTF-8"):
            fit_files([tmp_path / name])
    with pytest.raises(MeasurementError, match="cannot be read"):
        fit_files([tmp_path / "none"])
    with pytest.raises(MeasurementError, match="cannot be read"):
        fit_files([tmp_path])
    with pytest.raises(MeasurementError, match="no files"):
        fit_files([])
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(MeasurementError, match="regular file"):
            fit_files([tmp_path / "pipe"])


@pytest.mark.parametrize("head", ["", f"{LINE} 0.123\n", '{"metrics": "http_req_duration", "a": "'])
def test_a_gigabyte_on_one_line_is_refused_at_once(head: str, tmp_path: Path) -> None:
    """No more of it is read than a line may have."""
    path = tmp_path / "m.log"
    with path.open("wb") as file:
        file.write(head.encode() + b"x" * 70_000)
        file.truncate(2**30)
    begin = time.process_time()
    with pytest.raises(MeasurementError, match=r"longer than|larger than|no format|UTF-8"):
        fit_files([path], "s")
    assert time.process_time() - begin < 2.0
    assert MOST_JSON_BYTES < 2**30


@given(
    data=st.binary(max_size=80),
    form=st.sampled_from([*samples.LOGS, *samples.SUMMARIES, *samples.OTHERS]),
)
def test_no_bytes_are_a_surprise(
    data: bytes, form: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands in the middle of a file, it is read or refused in words."""
    every = {**samples.LOGS, **samples.SUMMARIES, **samples.OTHERS}
    text = every[form][1](_FEW).encode()
    middle = len(text) // 2
    path = tmp_path_factory.getbasetemp() / "hostile"
    path.write_bytes(text[:middle] + data + text[middle + len(data) :])
    try:
        said = fit_files([path]).scenario()
    except MeasurementError as error:
        said = str(error)
    assert said.replace("\n", "").isprintable()


_FEW = samples.requests(20)


@pytest.mark.slow
def test_a_log_of_a_million_lines_is_fitted_in_time_and_room(tmp_path: Path) -> None:
    """Under ten seconds of one core, and 300 MB, in a process of its own."""
    import subprocess

    rows = samples.requests(20_000)
    text = samples.nginx(rows)
    with (tmp_path / "big.log").open("w") as file:
        for _ in range(50):
            file.write(text)
    code = (
        "import sys, time; from pathlib import Path; from simcb.measurements import fit_files\n"
        "fit = fit_files([sys.argv[1]], 's'); fit.overlay('a.csv'); fit.csv\n"
        # What `getrusage` says begins with the most that its parent had.
        "status = Path('/proc/self/status')\n"
        "lines = status.read_text().splitlines() if status.exists() else ['VmHWM: 0 kB']\n"
        "most = next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))\n"
        "print(fit.sources[0][2], time.process_time(), most / 1024)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "big.log")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    count, seconds, mebibytes = map(float, done.stdout.split())
    assert count == 1_000_000
    assert seconds < 10.0
    assert mebibytes < 300.0
