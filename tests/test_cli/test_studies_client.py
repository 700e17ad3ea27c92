"""`--client` in studies: users' own code in many runs, whoever makes them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from test_cli.commands import simcb as simcb_command

import simcb
from simcb.studies import StudyError
from simcb.studies.clients import named_clients

SCENARIO = """
name: short
duration: 20s
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
import simcb.client

served = []

async def request():
    # What one run leaves in the module is another's only if it is not loaded anew.
    served.append(None)
    if len(served) <= 10:
        await simcb.client.call("payments", timeout=1.0)
"""

CLIENT = {"shop": "studied_client:request"}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(SCENARIO)
    (tmp_path / "studied_client.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)


def test_code_meets_every_variant() -> None:
    """Each run loads it anew: ten attempts in each, and what `simcb.run` gives of the first."""
    slow = "slow: services.payments.work=300ms"
    alone = simcb.run("short.yaml", clients=CLIENT)
    view = simcb.compare("short.yaml", with_=[slow], replicates=2, clients=CLIENT, workers=0)
    results = view.comparison.results
    assert [len(run.trace.attempts) for each in results for run in each.runs] == [10] * 4
    assert results[0].runs[0].trace.digest() == alone.result.digest
    words = ("compare", "short.yaml", "--with", slow, "-n", "2", "--workers", "0")
    result = simcb_command(*words, "--client", f"shop={CLIENT['shop']}")
    assert result.exit_code == 0, result.output
    assert result.stdout.rstrip().endswith("--client shop=studied_client:request")


@pytest.mark.slow
def test_workers_give_the_same() -> None:
    """Processes load the code by its name."""
    words = ("compare", "short.yaml", "--client", f"shop={CLIENT['shop']}", "--with", "none")
    apart, here = (simcb_command(*words, "-n", "2", "--workers", n) for n in ("2", "0"))
    assert apart.exit_code == 0, apart.output
    assert apart.stdout == here.stdout


@pytest.mark.parametrize(
    ("client", "complaint"),
    [
        ("shop=studied_client:nothing", "has no attribute 'nothing'"),
        ("shopp=studied_client:request", "'shopp' is unknown; there are: shop"),
    ],
)
def test_what_cannot_be_run_is_said(client: str, complaint: str) -> None:
    """With exit code 2, and no traceback."""
    words = ("compare", "short.yaml", "--with", "none", "-n", "1", "--workers", "0")
    result = simcb_command(*words, "--client", client)
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_code_for_runs_that_were_made_before_is_refused() -> None:
    """Nothing would run it."""
    kept = simcb.run("short.yaml")
    with pytest.raises(StudyError, match="every variant has been run before"):
        simcb.compare({"a": kept, "b": kept}, clients=CLIENT)


async def request() -> None:
    """Found by its name in this module."""


def test_functions_go_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no other process can find is refused, with what to do."""

    async def inside() -> None:
        """No module has it."""

    assert named_clients({"shop": request}) == {"shop": f"{__name__}:request"}
    with pytest.raises(StudyError, match="give `module:function`"):
        named_clients({"shop": inside})
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "request", request, raising=False)
    monkeypatch.setattr(request, "__module__", "__main__")
    with pytest.raises(StudyError, match="cannot be found by a name in a module"):
        named_clients({"shop": request})
