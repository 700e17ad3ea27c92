"""`--client` in studies: users' own code in many runs, whoever makes them."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest
from test_cli.commands import simcb as simcb_command

import simcb
from simcb.client.answers import ClientError
from simcb.studies import StudyError
from simcb.studies.clients import examined, named_clients
from simcb.studies.evaluation.manifest import StoreChangedError
from simcb.studies.evaluation.objective import parse_objective
from simcb.views.sweep_data import cell_lines

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

MADE = """
import simcb.client

def make(retries=1, pause=0.0, *, fails=False):
    if retries < 0:
        raise ValueError("fewer than none")

    async def request():
        for retry in range(retries + 1):
            try:
                return await simcb.client.call("payments", timeout=1.0)
            except simcb.client.CallFailedError:
                if retry == retries:
                    raise

    return request

async def plain(timeout=1.0):
    await simcb.client.call("payments", timeout=timeout)
"""

CLIENT = {"shop": "studied_client:request"}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(SCENARIO)
    (tmp_path / "studied_client.py").write_text(CODE)
    (tmp_path / "made_client.py").write_text(MADE)
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
    before = examined(client)[1]
    assert examined(client)[1] == before
    (package / "policy.py").write_text(CODE.replace("<= 10", "<= 11"))
    assert examined(client)[1] != before


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


def test_what_is_up_to_the_code_cannot_be_set() -> None:
    """By no command, as it would change nothing; what the services do can."""
    code = ("--client", "shop=studied_client:request")
    for words in (
        ("run", "--set", "payments.timeout=2s"),
        ("run", "--preset", "pybreaker", "--set", "payments.timeout=2s"),
        ("sweep", "--over", "payments.workers=4,5", "--set", "failure_threshold=5"),
        ("compare", "--with", "none", "--set", "payments.timeout=2s"),
        ("compare", "--with", "slow: payments.workers=2, payments.timeout=2s"),
        ("live", "--set", "payments.timeout=2s"),
    ):
        result = simcb_command(words[0], "short.yaml", *code, *words[1:])
        assert result.exit_code == 2, words
        assert "is up to the code of shop; change what its services" in " ".join(
            result.output.split()
        )
    done = simcb_command("run", "short.yaml", *code, "--set", "payments.workers=4", "--alone")
    assert done.exit_code == 0


# Arguments.


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("made_client:make(retris=3)", "takes no argument `retris`; did you mean `retries`?"),
        ("made_client:make(3)", "gives an argument without its name"),
        ("made_client:make(retries=print())", "would have to be evaluated"),
        ("made_client:make(**{'retries': 1})", "gives an argument without its name"),
        ("made_client:make(retries=3", "names no function"),
        ("made_client:make()()", "names no function"),
        ("made_client:[make]", "names no function"),
        ("made_client:make(retries=-1)", "ValueError at made_client.py:6: fewer than none"),
        ("made_client:make(retries=" + "[" * 900, "names no function"),
    ],
)
def test_arguments_are_literals_that_the_function_takes(text: str, complaint: str) -> None:
    """They are read and never evaluated, and what is wrong is said with exit code 2."""
    result = simcb_command("run", "short.yaml", "--alone", "--client", f"shop={text}")
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())
    assert "Traceback" not in result.output


def sent(view: simcb.RunView) -> int:
    return len(view.trace.attempts)


def test_arguments_reach_factories_and_coroutine_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As text, and as a `functools.partial`."""
    monkeypatch.syspath_prepend(".")
    from made_client import make

    several = [
        sent(simcb.run("short.yaml", clients={"shop": code}))
        for code in (
            "made_client:make(retries=3)",
            partial(make, retries=3),
            "made_client:make(retries=0, fails=True)",
            "made_client:plain(timeout=0.5)",
        )
    ]
    assert several[0] == several[1] > several[2] == several[3]
    assert named_clients({"shop": partial(make, retries=3)}) == {
        "shop": "made_client:make(retries=3)"
    }
    with pytest.raises(ClientError, match="other processes have to be told it"):
        named_clients({"shop": partial(make, retries=object())})


def test_an_axis_may_be_an_argument() -> None:
    """Each setting's runs are those of `simcb.run` with it; it is in digest, CSV and manifest."""
    client = {"shop": "made_client:make"}
    axes = {"client.shop.retries": [0, 1], "client.shop.pause": ["0s", "500ms"]}
    job = {"replicates": 1, "workers": 0, "out": "kept"}
    swept = simcb.sweep("short.yaml", axes, clients=client, **job).result
    objective = parse_objective("max:success", swept.scenario, swept.table.columns)
    for number, setting in enumerate(swept.settings):
        code = f"made_client:make(retries={setting.values[0]})"
        one = simcb.run("short.yaml", clients={"shop": code})
        assert swept.table.estimate(number, objective).mean == one.value("success")
    assert swept.policies == (True, True)
    yours = swept.standings[0]
    # The default of `retries` is that of the third setting, which is not run again.
    assert (yours.values, yours.same_as) == ((1, 0.0), 2)
    assert len(swept.table) == 4 == swept.tally.ran
    again = simcb.sweep("short.yaml", axes, clients=client, resume=True, **job).result
    assert (again.tally.ran, again.tally.reused) == (0, 4)
    study = json.loads(Path("kept/manifest.json").read_text())["study"]
    assert study["clients"] == {"shop": "made_client:make(retries=1, pause=0.0)"}
    assert len(set(study["digests"])) == 4
    lines = [*cell_lines(swept)]
    assert lines[0].startswith("setting,client.shop.retries,client.shop.pause,")
    assert lines[2].startswith("1,0,500ms,")
    # Told once, with the setting and the request that had it.
    assert [each.runs for each in swept.told] == [4]
    assert "ended with simcb.CallFailedError at made_client.py:11" in swept.told[0].text


@pytest.mark.parametrize(
    ("axis", "complaint"),
    [
        ("client.shop.retris=1,2", "takes no argument `retris`; did you mean `retries`?"),
        ("client.shopp.retries=1,2", "did you mean `shop`?"),
        ("client.shop=made_client:make,1", "`1` names no function"),
        ("client.shop=made_client:make,made_client:mak", "has no attribute 'mak'"),
    ],
)
def test_an_argument_that_cannot_be_swept_is_said(axis: str, complaint: str) -> None:
    """Before anything runs, with exit code 2."""
    result = simcb_command(
        "sweep", "short.yaml", "--client", "shop=made_client:make", "--over", axis
    )
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())


def test_code_is_varied_only_where_there_is_some() -> None:
    """Neither a sweep without code nor a tune takes such a path."""
    axis = "client.shop.retries=1,2"
    result = simcb_command("sweep", "short.yaml", "--over", axis)
    assert result.exit_code == 2
    assert "give its code, as in `--client shop=module:make`" in " ".join(result.output.split())
    result = simcb_command("tune", "short.yaml", "--space", axis)
    assert result.exit_code == 2
    assert "which no tune runs" in " ".join(result.output.split())


def test_cells_whose_code_fails_say_what_and_where() -> None:
    """That is the user's to mend, and no bug."""
    over = ("--over", "client.shop.retries=-1,1", "-n", "1", "--workers", "0")
    result = simcb_command("sweep", "short.yaml", "--client", "shop=made_client:make", *over)
    assert result.exit_code == 2
    assert "replicate 0 of client.shop.retries=-1: the code of shop could not be made" in (
        " ".join(result.stdout.split())
    )
    assert "ValueError at made_client.py:6: fewer than none" in result.stderr
    assert "code: client.shop.retries=1: shop: request" in result.stderr


def test_variants_may_be_of_different_code() -> None:
    """One with other arguments, one with another function; each is told of its own ends."""
    words = ("compare", "short.yaml", "--client", "shop=made_client:make", "-n", "1")
    variants = ("few: client.shop.retries=0", "plain: client.shop=made_client:plain(timeout=0.5)")
    same = "same: client.shop=made_client:make(retries=1)"
    view = simcb.compare(
        "short.yaml",
        with_=[*variants, same],
        replicates=1,
        clients={"shop": "made_client:make"},
        workers=0,
    )
    first, few, plain, again = (each.runs[0].trace for each in view.comparison.results)
    assert len(first.attempts) > len(few.attempts) == len(plain.attempts)
    assert first.digest() == again.digest()
    assert (
        few.digest()
        == simcb.run("short.yaml", clients={"shop": "made_client:make(retries=0)"}).trace.digest()
    )
    result = simcb_command(*words, "--with", variants[0], "--with", variants[1], "--workers", "0")
    assert result.exit_code == 0, result.output
    assert "code: few: shop: request" in result.stderr
    assert "code: plain: shop: request" in result.stderr
    wrong = simcb_command(*words, "--with", "client.shop.retris=3", "--workers", "0")
    assert wrong.exit_code == 2
    assert "did you mean `retries`?" in wrong.output
