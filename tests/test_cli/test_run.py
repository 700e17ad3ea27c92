import json
import shlex
from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_views.small_runs import BARE, GUARDED

from simcb.breaker import FailureRate
from simcb.errors import MissingExtraError
from simcb.metrics import Law
from simcb.studies import StudyError
from simcb.studies.variants import with_preset
from simcb.trace import TraceFileError
from simcb.views.notebook import load
from simcb.views.saved_runs import open_run


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Return the path of a scenario with a threshold that fails."""
    file = tmp_path / "small.yaml"
    file.write_text(GUARDED)
    return str(file)


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """Return the path of a scenario without breaker, fault or threshold."""
    file = tmp_path / "bare.yaml"
    file.write_text(BARE)
    return str(file)


def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if anything is simulated."""
    monkeypatch.setattr("simcb.world.simulate", lambda *_, **__: pytest.fail("it was run"))


def test_a_run_prints_the_verdict_first_and_the_command_last(small: str) -> None:
    """The payload is on standard output, and standard error is silent."""
    done = simcb("run", small, "--seed", "7")
    first, second, *_, last = done.stdout.splitlines()
    assert first.endswith("% answered under the fault, recovered; the breaker made no difference")
    assert second == "  small, 40s, seed 7; 1 of 2 thresholds hold"
    assert last == f"repeat: simcb run {small} --seed 7"
    assert done.stderr == ""


def test_the_first_screen_answers_in_few_lines(small: str) -> None:
    """Without the breaker and an ordinary day stand beside it unless told not to."""
    shown = simcb("run", small).stdout
    assert len(shown.splitlines()) <= 24
    assert max(map(len, shown.splitlines()[:-2])) <= 100
    assert "with it without it" in " ".join(shown.split())
    (day,) = [line for line in shown.splitlines() if line.startswith("answered on an ordinary day")]
    assert day.endswith("never opened")
    alone = simcb("run", small, "--alone").stdout
    assert "without it" not in alone
    assert "ordinary day" not in alone
    beside = simcb("run", small, "--baseline", "none").stdout
    assert "without it" in beside
    assert "ordinary day" not in beside
    clash = simcb("run", small, "--alone", "--baseline", "none")
    assert clash.exit_code == 2
    assert "--alone and --baseline contradict each other" in clash.stderr


def test_the_next_command_can_be_given(small: str) -> None:
    """What the screen proposes is read by the parser, with the changes of this one."""
    shown = simcb("run", small, "--set", "failure_threshold=4", "--seed", "2").stdout
    (proposed,) = [line for line in shown.splitlines() if line.startswith("next: simcb ")]
    words = shlex.split(proposed.removeprefix("next: simcb "))
    assert words[:4] == ["sweep", small, "--set", "failure_threshold=4"]
    assert simcb(*words, "--dry-run").exit_code == 0


@pytest.mark.slow
def test_an_ordinary_day_is_kept_and_read_back(small: str, tmp_path: Path) -> None:
    """What `--out` writes holds all that was run, and is the same when it is opened."""
    out = tmp_path / "kept"
    simcb("run", small, "--out", str(out))
    said = json.loads((out / "summary.json").read_text())
    assert {"trace.npz", "baseline-trace.npz", "ordinary-day-trace.npz"} <= {
        each.name for each in out.iterdir()
    }
    opened = open_run(out)
    assert opened.ordinary_day is not None
    assert opened.ordinary_day.digest == said["ordinary_day"]["digest"]
    assert opened.ordinary_day.baseline is None
    assert said["ordinary_day_baseline"] is None
    assert said["ordinary_day"]["verdict"]["verdict"] == "unharmed"
    (out / "ordinary-day-trace.npz").unlink()
    with pytest.raises(TraceFileError, match="it tells of 3 traces, and 2 are here"):
        open_run(out)
    assert simcb("run", small, "--out", str(out), "--force").exit_code == 99


def test_a_failed_threshold_is_exit_99_and_none_is_0(small: str, bare: str) -> None:
    """A pipeline can act on the exit code alone."""
    assert simcb("run", small).exit_code == 99
    assert simcb("run", bare).exit_code == 0


@pytest.mark.parametrize(
    ("condition", "code"), [("p99 > 1ms", 99), ("p99 > 1h", 0), ("time_to_trip > 1h", 99)]
)
def test_a_condition_on_the_command_line_can_fail_a_run(
    bare: str, condition: str, code: int
) -> None:
    """`--fail-if` is a threshold the other way round, and is shown with its sign.

    What is undefined is not shown not to hold.
    """
    done = simcb("run", bare, "--fail-if", condition, "--details")
    assert done.exit_code == code
    assert f"{'✗' if code else '✓'} fail if {condition}" in done.stdout


def test_the_command_that_repeats_repeats(small: str) -> None:
    """The printed command gives the same bytes."""
    words = ("--set", "recovery_timeout=1s", "--seed", "5", "--fail-if", "p99{fault} > 10s")
    done = simcb("run", small, *words, "--baseline", "none", "--format", "json")
    repeat = json.loads(done.stdout)["repeat"]
    program, *again = shlex.split(repeat)
    assert program == "simcb"
    assert simcb(*again, "--format", "json").stdout == done.stdout


def test_the_command_that_repeats_is_quoted_for_a_shell(
    bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spaces, braces and quotes survive a paste; defaults and outputs are left out."""
    monkeypatch.chdir(tmp_path)
    Path(bare).rename("my file.yaml")
    Path("over.yaml").write_text("duration: 4s\n")
    words = ("-f", "over.yaml", "--set", "name=other", "--seed", "7", "-n", "2", "--quiet")
    conditions = ("--baseline", "none", "--fail-if", "p99{fault} > 1s", "--max-events", "9000")
    done = simcb("run", *words, *conditions, "my file.yaml", "--format", "json", "--force")
    assert json.loads(done.stdout)["repeat"] == (
        "simcb run 'my file.yaml' -f over.yaml --set name=other --seed 7 "
        "-n 2 --baseline none --max-events 9000 --fail-if 'p99{fault} > 1s'"
    )
    assert json.loads(simcb("run", "my file.yaml", "-n", "1", "--format", "json").stdout)[
        "repeat"
    ] == ("simcb run 'my file.yaml' --seed 0")


def test_the_command_that_repeats_can_be_run_whatever_the_file_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name like an option is written as a path, and the audit is asked for again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-dash.yaml").write_text(BARE)
    done = simcb("run", "--audit", "--", "-dash.yaml")
    assert done.exit_code == 0
    repeat = done.stdout.splitlines()[-1].removeprefix("repeat: simcb ")
    assert repeat == "run ./-dash.yaml --seed 0 --audit"
    assert simcb(*repeat.split()).stdout == done.stdout


def test_changes_and_overlays_reach_the_run(small: str, tmp_path: Path) -> None:
    """`--set` and `-f` change what is simulated."""
    overlay = tmp_path / "over.yaml"
    overlay.write_text("duration: 30s\n")
    words = ("-f", str(overlay), "--set", "name=other")
    found = json.loads(simcb("run", small, *words, "--format", "json").stdout)
    assert (found["duration"], found["scenario"]) == (30.0, "other")


def test_a_scenario_may_come_from_standard_input() -> None:
    """`-` reads the scenario from a pipe."""
    done = simcb("run", "-", "--format", "json", stdin=BARE.encode())
    assert json.loads(done.stdout)["scenario"] == "bare"


WRONG = [
    (("run", "slow-replicaa"), "did you mean `slow-replica`?"),
    (("run", "{file}", "--set", "recovery_timout=1s"), "did you mean"),
    (("run", "{file}", "--set", "recovery_timeout=1"), "--set recovery_timeout=1"),
    (("run", "{file}", "--fail-if", "p99"), "not a threshold"),
    (("run", "{file}", "--fail-if", "p9 < 1s"), "did you mean `p99`?"),
    (("run", "{file}", "--seed", "-1"), "--seed"),
    (("run", "{file}", "-n", "0"), "--replicates"),
    (("run", "{file}", "-n", "10001"), "--replicates"),
    (("run", "{file}", "--format", "xml"), "--format"),
    (("run", "{file}", "--baseline", "some"), "--baseline"),
    (("run", "{file}", "-f", "nowhere.yaml"), "nowhere.yaml"),
    (("run", "{file}", "--plot", "x.bmp"), ".png"),
    (("run", "{file}", "--plot", "no/such/x.png"), "no/such"),
    (("run", "{file}", "--out", "{file}"), "is not a directory"),
    (("run", "{file}", "--out", "{folder}"), "is not empty"),
    (("run", "{file}", "--out", "{folder}", "--force"), "which no run wrote"),
    (("run", "{file}", "--set", "rate=1e8/s"), "--allow-large"),
    (("run", "{folder}"), "is a directory"),
    (("run",), "SCENARIO"),
    (("fly",), "fly"),
]


def test_a_run_with_too_many_events_is_stopped(small: str) -> None:
    """It ends with 2, says how far it came, and how to let it go on."""
    done = simcb("run", small, "--max-events", "10")
    assert done.exit_code == 2
    assert "--max-events 100" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("words", "told"), WRONG)
def test_a_wrong_command_is_exit_2_before_anything_runs(
    words: tuple[str, ...], told: str, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is on standard error and says what to do; there is no traceback."""
    nothing_runs(monkeypatch)
    filled = [word.format(file=small, folder=Path(small).parent) for word in words]
    done = simcb(*filled)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert told in done.stderr.replace("│\n│ ", "")
    assert "Traceback" not in done.stderr


def test_every_problem_of_a_scenario_is_told_with_its_place(tmp_path: Path) -> None:
    """Two mistakes are two lines that an editor can jump to."""
    file = tmp_path / "wrong.yaml"
    file.write_text(BARE.replace("workers", "wrokers").replace("5s", "5"))
    done = simcb("run", str(file))
    assert done.exit_code == 2
    assert f"{file}:3:" in done.stderr
    assert "did you mean `workers`?" in done.stderr


def test_results_and_plot_are_written(bare: str, tmp_path: Path) -> None:
    """`--out` and `--plot` write what they promise, and `--force` allows it again."""
    out, plot = tmp_path / "out", tmp_path / "small.svg"
    words = ("run", bare, "--out", str(out))
    assert simcb(*words, "--plot", str(plot)).exit_code == 0
    assert "<svg" in plot.read_text()
    assert json.loads((out / "summary.json").read_text())["scenario"] == "bare"
    assert simcb(*words).exit_code == 2
    assert simcb(*words, "--force").exit_code == 0


def test_a_baseline_without_a_breaker_is_warned_about(bare: str) -> None:
    """Comparing a scenario with itself is most likely a mistake."""
    done = simcb("run", bare, "--baseline", "none")
    assert done.exit_code == 0
    assert "no breaker is enabled" in done.stderr
    assert simcb("run", bare, "--baseline", "none", "--quiet").stderr == ""


def test_a_stall_that_a_closed_group_hides_is_warned_about(tmp_path: Path) -> None:
    """Half a minute of silence in ten is in no percentile; the warning is not in the output."""
    file = tmp_path / "waiting.yaml"
    file.write_text(
        """
        name: waiting
        duration: 10m
        clients:
          users:
            arrivals: {kind: closed, users: 10, think: 1s}
            calls: {shop: {}}
        services: {shop: {workers: 10, work: 100ms}}
        faults: [{kind: pause, on: shop, at: 5m, for: 30s}]
        """
    )
    found = simcb("run", str(file))
    assert "warning: `users` asks for nothing while it waits, up to 29.9 s" in found.stderr
    assert "hides a stall: its p99 is 0.1 s, and 2" in found.stderr
    assert "asks for nothing" not in found.stdout
    assert "warning" not in simcb("run", str(file), "--quiet").stderr
    assert "warning" not in simcb("run", str(file), "--set", "faults.0.for=10ms").stderr


def test_an_audit_shows_the_laws(small: str) -> None:
    """Every law holds, and the exit code stays that of the thresholds."""
    done = simcb("run", small, "--audit", "--details")
    assert done.exit_code == 99
    assert "✓ requests = ok + degraded + failed + unfinished" in done.stdout


def test_a_broken_law_is_a_bug(bare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A law that does not hold is exit 1, whatever the thresholds say."""
    broken = (Law("what goes in comes out", False, "5 in, 4 out"),)
    monkeypatch.setattr("simcb.views.run.audit", lambda _: broken)
    done = simcb("run", bare, "--audit")
    assert done.exit_code == 1
    assert "✗ what goes in comes out  5 in, 4 out" in done.stdout
    assert "bug in simcb" in done.stderr


def test_a_large_run_is_allowed_when_asked_for(bare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit asks; it does not forbid."""
    monkeypatch.setattr("simcb.studies.limits.MOST_REQUESTS", 10)
    assert simcb("run", bare).exit_code == 2
    done = simcb("run", bare, "--allow-large")
    assert done.exit_code == 0
    assert done.stdout.rstrip().endswith("--allow-large")


ENDINGS = [
    (KeyboardInterrupt(), 130, "interrupted"),
    (MissingExtraError("pandas", "notebook"), 3, "pip install 'simcb[notebook]'"),
    (RuntimeError("first line\nsecond line"), 1, "report"),
    (MemoryError(), 2, "out of memory"),
]


@pytest.mark.parametrize(("error", "code", "told"), ENDINGS)
def test_every_ending_has_its_code_and_its_line(
    bare: str, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, told: str
) -> None:
    """Interrupts, missing extras and bugs end in one line on standard error."""

    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.delenv("SIMCB_DEBUG", raising=False)
    monkeypatch.setattr("simcb.studies.run", failing)
    done = simcb("run", bare)
    assert done.exit_code == code
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_bug_shows_its_traceback_on_request(bare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SIMCB_DEBUG=1` is for whoever has to find it."""

    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setenv("SIMCB_DEBUG", "1")
    monkeypatch.setattr("simcb.studies.run", failing)
    done = simcb("run", bare)
    assert done.exit_code == 1
    assert "Traceback" in done.stderr
    assert "RuntimeError: broken" in done.stderr


def test_a_preset_gives_every_breaker_a_librarys_defaults() -> None:
    """What it does otherwise is told, `--set` comes after it, and the command repeats itself."""
    words = "run flaky-payments --alone --set duration=9s --set faults=[] --set thresholds=[]"
    done = simcb(*words.split(), "--preset", "Resilience4j", "--format", "json")
    assert (
        "note: Resilience4j: simcb's breaker with the library's defaults; the library counts a late"
        in done.stderr
    )
    assert "--preset Resilience4j" in json.loads(done.stdout)["repeat"]
    scenario = with_preset(load("flaky-payments"), "Polly", ["recovery.timeout=7s"]).scenario
    breaker = scenario.clients["shop"].calls["payments"].breaker
    assert breaker is not None
    assert breaker.rules() == (FailureRate(0.1, window=30.0, minimum_calls=100),)
    assert breaker.recovery_policy().timeout == 7.0


def test_a_preset_that_nobody_knows_is_refused_with_the_nearest() -> None:
    """And so is one for a scenario without a breaker."""
    done = simcb("run", "flaky-payments", "--preset", "resilienc4j")
    assert done.exit_code == 2
    assert "did you mean `resilience4j`?" in done.stderr
    with pytest.raises(StudyError, match="has none"):
        with_preset(load("flaky-payments").with_({"breaker": None}), "Polly")
