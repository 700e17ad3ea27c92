"""`--client` in studies: users' own code in many runs, whoever makes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from test_cli.commands import simcb as simcb_command

import simcb
from simcb.studies import StudyError
from simcb.studies.clients import named_clients, source_digest
from simcb.studies.evaluation.manifest import StoreChangedError
from simcb.studies.evaluation.objective import parse_objective

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


AXIS = "services.payments.work=100ms,300ms"


def test_a_sweep_runs_code_in_every_setting() -> None:
    """Its numbers are those of `simcb.run`."""
    swept = simcb.sweep("short.yaml", [AXIS], replicates=2, clients=CLIENT, workers=0).result
    for number, work in enumerate(("100ms", "300ms")):
        scenario = simcb.load("short.yaml", sets=[f"services.payments.work={work}"])
        one = simcb.run(scenario, replicates=2, clients=CLIENT).result
        for metric in ("success", "p99"):
            objective = parse_objective(f"max:{metric}", scenario, swept.table.columns)
            found = swept.table.estimate(number, objective)
            assert found.mean == pytest.approx(one.summary.value(metric), rel=1e-12)
    assert swept.scenario.clients["shop"].calls["payments"].breaker is None


def test_a_sweeps_directory_goes_on_with_the_same_code_alone() -> None:
    """It names the code and its source, and what is finished is not run again."""
    job = {"over": [AXIS], "replicates": 1, "workers": 0, "out": "kept"}
    first = simcb.sweep("short.yaml", clients=CLIENT, **job).result
    assert first.reasons_lost == ()
    again = simcb.sweep("short.yaml", clients=CLIENT, resume=True, **job).result
    assert (first.tally.ran, again.tally.ran, again.tally.reused) == (2, 0, 2)
    assert simcb.open("kept").result.complete
    study = json.loads(Path("kept/manifest.json").read_text())["study"]
    assert study["clients"] == CLIENT
    with pytest.raises(StoreChangedError, match="code was shop=studied_client:request, is none"):
        simcb.sweep("short.yaml", resume=True, **job)
    Path("studied_client.py").write_text(CODE.replace("<= 10", "<= 11"))
    with pytest.raises(StoreChangedError, match="the source of the clients' code has changed"):
        simcb.sweep("short.yaml", clients=CLIENT, resume=True, **job)


def test_the_source_of_a_package_is_all_of_it() -> None:
    """A module beside the one that is named may hold what the code does."""
    package = Path("studied_package")
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "shop.py").write_text("from studied_package.policy import request")
    (package / "policy.py").write_text(CODE)
    client = {"shop": "studied_package.shop:request"}
    before = source_digest(client)
    assert source_digest(client) == before
    (package / "policy.py").write_text(CODE.replace("<= 10", "<= 11"))
    assert source_digest(client) != before


@pytest.mark.parametrize(
    ("client", "axis", "complaint"),
    [
        ("request", "clients.shop.calls.payments.timeout=1s,2s", "is up to the code of shop"),
        ("nothing", AXIS, "has no attribute 'nothing'"),
    ],
)
def test_what_cannot_be_swept_is_said(client: str, axis: str, complaint: str) -> None:
    """Before anything runs, with exit code 2."""
    code = f"shop=studied_client:{client}"
    result = simcb_command("sweep", "short.yaml", "--client", code, "--over", axis)
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())
