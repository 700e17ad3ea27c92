"""`simcb run --client`: users' own code from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli.commands import simcb

SCENARIO = """
name: short
duration: 30s
clients:
  shop:
    arrivals: {kind: poisson, rate: 2/s}
    calls: {payments: {timeout: 1s, breaker: {failure_threshold: 3}}}
services:
  payments: {workers: 5, work: {kind: constant, value: 100ms}}
faults:
  - {kind: errors, on: payments, rate: 100%, at: 10s, for: 5s}
"""

CODE = """
import time
import simcb.client
from simcb.breaker import CircuitBreaker

breaker = CircuitBreaker("payments", failure_threshold=2, recovery_timeout=2.0)

async def request():
    with breaker.acquire():
        await simcb.client.call("payments", timeout=1.0)

async def blocks():
    time.sleep(1)

async def broken():
    raise ValueError("[red]\\x1b[31mno")
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(SCENARIO)
    (tmp_path / "own_client.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)


def test_code_takes_the_place_of_a_groups_calls() -> None:
    """The verdict is that of the code, the laws hold, and the last line repeats it all."""
    words = ("run", "short.yaml", "--client", "shop=own_client:request", "--audit")
    result = simcb(*words, "--out", "kept", "--report", "page.html")
    assert result.exit_code == 0
    assert "first breaker opens after" in result.stdout
    assert "laws hold in every run" in result.stdout
    assert "next:" not in result.stdout
    assert "repeat: simcb run short.yaml --seed 0 --client shop=own_client:request" in result.stdout
    assert "code: shop: request" in result.stderr
    assert "simcb.CallFailedError at own_client.py:" in result.stderr
    assert simcb(*words).stdout == result.stdout
    assert "payments" in Path("page.html").read_text()
    compared = simcb("compare", "kept", "short.yaml", "-n", "1")
    assert compared.exit_code == 0, compared.output


def test_what_code_raises_reaches_no_terminal_raw() -> None:
    """An exception's words are the user's, and may hold anything."""
    result = simcb("run", "short.yaml", "--client", "shop=own_client:broken", "--alone")
    assert "ValueError at own_client.py:" in result.stderr
    assert "[red]" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("client", "complaint"),
    [
        ("shop=own_client:blocks", "uses time.sleep, in "),
        ("shop=own_client:nothing", "has no attribute 'nothing'"),
        ("shop=not_there:request", "No module named 'not_there'"),
        ("shopp=own_client:request", "'shopp' is unknown; there are: shop"),
        ("own_client:request", "is not GROUP=MODULE:FUNCTION"),
        ("shop=own_client", "is not GROUP=MODULE:FUNCTION"),
    ],
)
def test_what_cannot_be_run_is_said(client: str, complaint: str) -> None:
    """With exit code 2, the value and the remedy, and no traceback."""
    result = simcb("run", "short.yaml", "--client", client, "--alone")
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split()).replace(" │ │ ", " ")
    assert "Traceback" not in result.output
