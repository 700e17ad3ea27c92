import json
import shutil
from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_measurements import samples
from test_views.small_runs import BARE, GUARDED

from simcb.cli.app import SCENARIO_VERBS, VERBS
from simcb.scenario import find_shipped, list_shipped, parse_scenario, read_scenario, template

EVERY = [((verb.name,), verb.example) for verb in VERBS]
EVERY += [(("scenarios", verb.name), verb.example) for verb in SCENARIO_VERBS]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty directory that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def kept_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a scenario and, in `out`, two runs of it with their pictures."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "bare.yaml").write_text(BARE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert simcb("run", "bare.yaml", "--out", "out", "-n", "2").exit_code == 0
    return folder


@pytest.fixture
def saved(kept_run: Path, folder: Path) -> Path:
    """Return a copy of that directory, which is the current one."""
    shutil.copytree(kept_run, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize(("words", "example"), EVERY)
def test_every_help_ends_with_an_example(words: tuple[str, ...], example: str) -> None:
    """The last line of a help can be pasted, and is a command of that verb."""
    done = simcb(*words, "--help")
    assert done.exit_code == 0
    assert done.stdout.split("\n\n")[-1].strip() or done.stdout.strip()
    assert done.stdout.rstrip().endswith(f"Example: {example}")
    assert example.startswith(" ".join(("simcb", *words)))


SETTINGS = Path(__file__).parents[1] / "test_exchange" / "settings"
"""Files of other programs."""

COMPARING = (("compare",), ("conformance",), ("league",), ("run",))
"""The verbs whose examples run for more than a few seconds, and cannot be planned."""

LONG = (("sweep",), ("tune",), ("advise",))
"""The verbs whose examples run for more than a few seconds; planned first, run among the proofs."""

BRIEFLY = {
    ("serve",): "--for 1s --scale 10",
    ("live",): "--set duration=2s --set faults=[] --set rate=5/s -n 9",
}
"""What is added to examples that would go on for minutes."""


@pytest.mark.parametrize(
    ("words", "example"),
    [
        *(
            pytest.param(
                words,
                f"{example} {'--dry-run' if words in LONG else BRIEFLY.get(words, '')}",
                marks=[pytest.mark.slow] if words in COMPARING else [],
            )
            for words, example in EVERY
        ),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in EVERY if each[0] in LONG),
    ],
)
def test_every_example_works(
    words: tuple[str, ...], example: str, folder: Path, kept_run: Path
) -> None:
    """What a help offers to paste does what it says, given the files it names."""
    if words in (("plot",), ("report",)):
        shutil.copytree(kept_run, folder, dirs_exist_ok=True)
    (folder / "my-outage.yaml").write_text(BARE)
    shutil.copy(SETTINGS / "application.yml", folder)
    (folder / "k6.json").write_text(samples.k6_export(samples.requests(100)))
    if words == ("init",) or words[-1] == "copy":
        (folder / "my-outage.yaml").unlink()
    program, *rest = example.partition(" > ")[0].split()
    assert program == "simcb"
    assert simcb(*rest).exit_code in (0, 99)


def test_the_version_is_the_package_s() -> None:
    """`--version` names program and version."""
    import simcb as package

    assert simcb("--version").stdout == f"simcb {package.__version__}\n"


def test_check_tells_good_ones_from_bad_ones(folder: Path) -> None:
    """Good scenarios have a line on standard output, problems one on standard error."""
    (folder / "good.yaml").write_text(GUARDED)
    (folder / "bad.yaml").write_text(GUARDED.replace("workers: 8", "workers: 0"))
    (folder / "odd.yaml").write_text(GUARDED.replace("success{fault}", "sucess{fault}"))
    assert simcb("check", "good.yaml").exit_code == 0
    done = simcb("check", "bad.yaml", "good.yaml", "odd.yaml")
    assert done.exit_code == 2
    assert done.stdout == "ok  good.yaml: small, 40s, about 800 requests\n"
    assert "bad.yaml:" in done.stderr
    assert "odd.yaml:20:5: thresholds.1: there is no metric" in done.stderr
    assert "did you mean `success`?" in done.stderr


def test_check_says_once_where_a_problem_is(folder: Path) -> None:
    """Standard input has a name in messages as files have."""
    done = simcb("check", "-", stdin=b"x")
    assert done.stderr.startswith("<stdin>:1:1: is not a mapping")
    (folder / "huge.yaml").write_text(BARE.replace("10/s", "1e9/s"))
    assert simcb("check", "huge.yaml").stderr.startswith("huge.yaml: this would be about")


ALONE = """
name: alone
duration: 10s
clients: {web: {arrivals: ARRIVALS, calls: {api: {breaker: {}}}}}
services: {api: {workers: 8, work: 1s}}
"""


def test_check_says_what_a_baseline_is_refused_for(folder: Path) -> None:
    """A scenario that can be run, but not twice, is told so in the words of the refusal."""
    text = ALONE.replace("ARRIVALS", "{kind: constant, rate: 1500000/s}")
    (folder / "large.yaml").write_text(text)
    done = simcb("check", "large.yaml")
    assert done.exit_code == 0
    _, warning = done.stdout.splitlines()
    refused = simcb("run", "large.yaml", "--baseline", "none")
    assert refused.exit_code == 2
    words = [line for line in refused.stderr.splitlines() if "would be about" in line]
    assert warning.endswith(f"`run --baseline none` is refused: {words[-1]}")


def test_check_has_all_it_says_as_json(folder: Path) -> None:
    """An object for each file: what it comes to and its warnings, or its problems and places."""
    text = ALONE.replace("ARRIVALS", "{kind: closed, users: 20, think: 1us}")
    (folder / "closed.yaml").write_text(text)
    (folder / "bad.yaml").write_text(text.replace("users: 20", "users: none\n"))
    words = ("closed.yaml", "bad.yaml", "nowhere.yaml", "sweep.yaml")
    (folder / "sweep.yaml").write_text(f"{BARE}sweep: {{over: {{duration: [1s, 2s]}}}}\n")
    told, done = simcb("check", *words), simcb("check", *words, "--format", "json")
    assert (done.exit_code, done.stderr) == (2, "")
    good, bad, missing, swept = json.loads(done.stdout)
    assert [each["source"] for each in (good, bad, missing, swept)] == list(words)
    assert [each["ok"] for each in (good, bad, missing, swept)] == [True, False, False, True]
    assert (good["name"], good["sweep"]) == (parse_scenario(text).name, None)
    assert good["duration"] == parse_scenario(text).duration
    assert round(good["requests"]) == 220
    assert good["most_requests"] > 1e8
    assert all(f"    warning: {each}" in told.stdout.splitlines() for each in good["warnings"])
    assert swept["sweep"] == {"settings": 2, "runs": 20}
    (problem,) = bad["problems"]
    where = f"bad.yaml:{problem['line']}:{problem['column']}: {problem['path']}: "
    assert where + f"{problem['what']}; {problem['remedy']}" in told.stderr
    assert missing["problems"][0]["what"] in told.stderr


def test_check_says_how_often_users_may_ask(folder: Path) -> None:
    """Users who are turned away at once ask as fast as they think; the line says so."""
    text = ALONE.replace("ARRIVALS", "{kind: closed, users: 20, think: 1us}")
    (folder / "closed.yaml").write_text(text)
    said = simcb("check", "closed.yaml").stdout
    assert "about 220 requests (200 million if users are turned away at once" in said


def test_init_writes_a_scenario_that_runs_and_overwrites_nothing(folder: Path) -> None:
    """The first scenario is good as it is; a second `init` refuses."""
    done = simcb("init")
    assert done.exit_code == 0
    assert "simcb run scenario.yaml" in done.stdout
    assert (folder / "scenario.yaml").read_text() == template()
    (folder / "scenario.yaml").write_text("mine")
    assert simcb("init").exit_code == 2
    assert (folder / "scenario.yaml").read_text() == "mine"
    assert simcb("init", "other.yaml").exit_code == 0
    assert simcb("check", "other.yaml").exit_code == 0


def test_the_schema_is_json() -> None:
    """An editor can load what is printed."""
    assert json.loads(simcb("schema").stdout)["title"] == "simcb scenario"


def test_shipped_scenarios_are_listed_shown_and_copied(folder: Path) -> None:
    """Every shipped scenario has a line; its text is shown and copied to the letter."""
    listed = simcb("scenarios", "list").stdout
    for name in list_shipped():
        assert any(line.startswith(f"{name} ") for line in listed.splitlines())
    for name in ("slow-replica", "llm-429"):
        assert simcb("scenarios", "copy", name).exit_code == 0
        copied = (folder / f"{name}.yaml").read_text()
        assert copied == find_shipped(name).read_text()
        assert simcb("scenarios", "show", name).stdout == copied
        assert simcb("scenarios", "copy", name).exit_code == 2


def test_shipped_scenarios_are_listed_for_programs() -> None:
    """Name and sentence, as the files have them."""
    found = json.loads(simcb("scenarios", "list", "--format", "json").stdout)
    assert found == [{"name": name, "about": read_scenario(name).about} for name in list_shipped()]


def test_a_copy_may_go_into_a_directory(folder: Path) -> None:
    """A directory as destination keeps the name."""
    (folder / "mine").mkdir()
    assert simcb("scenarios", "copy", "slow-replica", "mine").exit_code == 0
    assert (folder / "mine" / "slow-replica.yaml").is_file()


@pytest.mark.parametrize("verb", ["show", "copy"])
def test_an_unknown_name_is_answered_with_the_nearest(verb: str) -> None:
    """A typo costs one look."""
    done = simcb("scenarios", verb, "slow-repica")
    assert done.exit_code == 2
    assert "did you mean `slow-replica`?" in done.stderr


def test_a_saved_run_is_drawn_again(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`plot` draws from the files alone; nothing is simulated."""
    monkeypatch.setattr("simcb.world.simulate", lambda *_: pytest.fail("it was run"))
    done = simcb("plot", "out", "again.png")
    assert done.stdout == "again.png\n"
    assert (saved / "again.png").read_bytes() == (saved / "out" / "timeline.png").read_bytes()


def test_what_can_never_matter_is_a_warning(folder: Path) -> None:
    """`check` says it below the scenario's line, `run` on standard error; neither fails for it."""
    late = GUARDED.replace("at: ", "at: 9", 1)
    (folder / "late.yaml").write_text(late)
    done = simcb("check", "late.yaml")
    assert done.exit_code == 0
    ok, *warnings = done.stdout.splitlines()
    assert ok.startswith("ok  late.yaml: ")
    assert warnings
    assert all(line.startswith("    warning: ") for line in warnings)
    ran = simcb("run", "late.yaml", "--set", "thresholds=[]")
    assert ran.exit_code == 0
    assert "warning: fault `" in ran.stderr
    assert "never strikes" in ran.stderr
    assert simcb("run", "late.yaml", "--set", "thresholds=[]", "-q").stderr == ""


def test_a_saved_sweep_is_drawn_again(folder: Path) -> None:
    """`plot` knows a sweep's directory by its manifest, and names the file it wrote."""
    (folder / "bare.yaml").write_text(BARE)
    swept = ("sweep", "bare.yaml", "--over", "services.store.workers=1,2", "-n", "2", "-q")
    assert simcb(*swept, "--workers", "0", "--out", "sw").exit_code == 0
    drawn = (folder / "sw" / "map.png").read_bytes()
    (folder / "sw" / "map.png").unlink()
    done = simcb("plot", "sw")
    assert (done.exit_code, done.stdout) == (0, "sw/map.png\n")
    assert (folder / "sw" / "map.png").read_bytes() == drawn
    assert simcb("plot", "sw", "p99.svg", "--by", "p99").stdout == "p99.svg\n"
    wrong = simcb("plot", "sw", "x.png", "--by", "godput")
    assert wrong.exit_code == 2
    assert "did you mean `goodput`?" in wrong.stderr


@pytest.mark.slow
def test_a_saved_run_has_the_page_it_had(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`report` writes from the files alone what `--report` wrote, its conditions and all."""
    (folder / "small.yaml").write_text(GUARDED)
    words = ("run", "small.yaml", "--audit", "--fail-if", "p99 > 1h", "-q")
    assert simcb(*words, "--out", "out", "--report", "page.html").exit_code == 99
    with monkeypatch.context() as only:
        only.setattr("simcb.world.simulate", lambda *_: pytest.fail("it was run"))
        assert simcb("report", "out").stdout == "out/report.html\n"
        assert simcb("report", "out", "--out", "again.html").stdout == "again.html\n"
    saved, again = ((folder / name).read_text() for name in ("page.html", "again.html"))
    # What to try next names a scenario, and a directory has one of its own.
    assert again.replace("out/scenario.yaml", "small.yaml") == saved
    assert "fail if p99 &gt; 1h" in saved
    assert "simcb run small.yaml" in saved
    assert simcb("run", "small.yaml", "--alone", "--out", "out", "--force").exit_code == 99


def test_a_saved_sweep_has_the_page_it_had(folder: Path) -> None:
    (folder / "bare.yaml").write_text(BARE)
    swept = ("sweep", "bare.yaml", "--over", "services.store.workers=1,2", "-n", "2", "-q")
    words = (*swept, "--workers", "0", "--out", "sw", "--report", "page.html")
    assert simcb(*words).exit_code == 0
    assert simcb("report", "sw").stdout == "sw/report.html\n"
    assert (folder / "sw" / "report.html").read_bytes() == (folder / "page.html").read_bytes()


@pytest.mark.parametrize(
    ("file", "told"),
    [("page.pdf", "end it in one of .html"), ("no/page.html", "there is no directory")],
)
@pytest.mark.parametrize(
    "words",
    [
        ("run", "bare.yaml", "--report"),
        ("sweep", "bare.yaml", "--over", "services.store.workers=1,2", "--report"),
        ("tune", "bare.yaml", "--space", "services.store.workers=1..2", "--report"),
        ("validate", "--report"),
        ("report", "out", "--out"),
    ],
)
def test_where_a_page_cannot_be_is_said_before_anything_is_run(
    words: tuple[str, ...], file: str, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bare.yaml").write_text(BARE)
    monkeypatch.setattr("simcb.world.simulate", lambda *_: pytest.fail("it was run"))
    done = simcb(*words, file)
    assert done.exit_code == 2
    assert told in done.stderr
    assert [path.name for path in folder.iterdir()] == ["bare.yaml"]


@pytest.mark.parametrize(
    "summary", ["{", "[]", '{"fail_if": 3}', '{"fail_if": [{}]}', '{"repeat": {}, "fail_if": null}']
)
def test_a_damaged_summary_is_said(summary: str, saved: Path) -> None:
    """It may have been put there by anybody: a sentence, and no traceback."""
    (saved / "out" / "summary.json").write_text(summary)
    done = simcb("report", "out")
    assert done.exit_code == 2
    assert "summary.json" in done.stderr


def test_a_picture_goes_beside_what_it_shows(saved: Path) -> None:
    """A run's and a trace's replace the old ones there; elsewhere nothing is written."""
    before = {path.name for path in saved.iterdir()}
    (saved / "out" / "timeline.png").write_text("old")
    assert simcb("plot", "out").stdout == "out/timeline.png\n"
    assert (saved / "out" / "timeline.png").read_bytes()[:4] == b"\x89PNG"
    assert simcb("plot", "out/trace-1.npz").stdout == "out/trace-1.png\n"
    assert {path.name for path in saved.iterdir()} == before
    assert simcb("run", "bare.yaml", "--out", "out", "--force").exit_code == 0
    assert simcb("plot", "out", "--by", "p99").exit_code == 2


@pytest.mark.parametrize(
    "words", [("plot", "out", "a.png"), ("run", "bare.yaml", "--plot", "a.png")]
)
def test_a_picture_that_is_named_is_replaced(words: tuple[str, ...], saved: Path) -> None:
    """By every verb alike: the command that made it can be given again, and its help says so."""
    (saved / "a.png").write_text("old")
    assert simcb(*words).exit_code == 0
    assert (saved / "a.png").read_bytes()[:4] == b"\x89PNG"
    helped = simcb(words[0], "--help").stdout.replace("│", "")
    assert "An old one is replaced" in " ".join(helped.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plot", "nowhere"), "no such file"),
        (("plot", "."), "simcb run --out"),
        (("plot", "text.npz"), "not a readable trace"),
        (("plot", "text.npz", "x.gif"), ".png"),
    ],
)
def test_what_cannot_be_drawn_is_refused(words: tuple[str, ...], told: str, folder: Path) -> None:
    """Each mistake is exit 2 with its sentence."""
    (folder / "text.npz").write_text("no trace")
    done = simcb(*words)
    assert done.exit_code == 2
    assert told in done.stderr
