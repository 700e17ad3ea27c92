"""A wrong command line is told as everything else is: value, place and remedy in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_cli.test_verbs import EVERY
from test_views.small_runs import BARE


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """Return the path of a scenario."""
    file = tmp_path / "bare.yaml"
    file.write_text(BARE)
    return str(file)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run {0} --seed x", "--seed: `x` is not a whole number; give 0 or more"),
        ("run {0} --seed 1.5", "--seed: `1.5` is not a whole number; give 0 or more"),
        ("run {0} --seed -1", "--seed: `-1` is out of range; give 0 or more"),
        ("run {0} -n 0", "-n/--replicates: `0` is out of range; give 1 to 10000"),
        ("run {0} -n 10001", "-n/--replicates: `10001` is out of range; give 1 to 10000"),
        ("run {0} --max-events 0", "--max-events: `0` is out of range; give 1 or more"),
        ("run {0} --baseline x", "--baseline: `x` is unknown; write one of: none"),
        ("run {0} --format x", "--format: `x` is unknown; write one of: table, json, csv, md"),
        ("metrics --format csv", "--format: `csv` is unknown; write one of: table, json"),
        ("sweep {0} --top 0", "--top: `0` is out of range; give 1 or more"),
        ("sweep {0} --depth 9", "--depth: `9` is out of range; give 1 to 8"),
        ("tune {0} --trials 0", "--trials: `0` is out of range; give 1 to 10000"),
        ("sweep {0} --workers x", "--workers: `x` is neither a number nor auto; give 4, or auto"),
        ("sweep {0} --resume", "--resume needs a directory; name it with --out DIR"),
        ("tune {0} --tolerance x", "--tolerance `x` is not a share; write it like `5%` or `0.05`"),
        ("run", "missing argument 'SCENARIO'; see simcb run --help"),
        ("run {0} {0}", "got unexpected extra argument"),
        ("run {0} --sed 3", "no such option: --sed"),
        ("run {0} --out", "option '--out' requires an argument"),
        ("fly {0}", "no such command 'fly'; see simcb --help"),
        ("runn {0}", "no such command 'runn'. Did you mean 'run'? See simcb --help"),
        ("swep --help", "no such command 'swep'. Did you mean 'sweep'? See simcb --help"),
        ("lst", "no such command 'lst'. Did you mean 'scenarios list'? See simcb --help"),
        ("scenarios shw", "no such command 'shw'. Did you mean 'show'? See simcb scenarios"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(bare: str, words: str, said: str) -> None:
    """On standard error, with the code of wrong input, and in no library's words."""
    done = simcb(*words.format(bare).split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert "Value error" not in done.stderr


@pytest.mark.parametrize("digits", [25, 5000])
def test_a_number_of_any_length_is_told_or_taken(bare: str, digits: int) -> None:
    """A long seed is one; what no machine counts in is refused like any other nonsense."""
    done = simcb("run", bare, "--seed", "9" * digits, "--format", "csv")
    assert done.exit_code == (0 if digits < 30 else 2)
    assert simcb("sweep", bare, "--workers", "9" * digits).exit_code == 2


@pytest.mark.parametrize("words", [(), *(words for words, _ in EVERY)])
def test_a_flag_shows_no_type_in_the_help(words: tuple[str, ...]) -> None:
    """What takes no value does not look as if it took one."""
    shown = simcb(*words, "--help").stdout
    assert "--help" in shown
    assert "<bool>" not in shown
    assert "BOOLEAN" not in shown


def test_no_words_at_all_get_the_help() -> None:
    """The verbs, and the code of a command line that asks for nothing."""
    done = simcb()
    assert done.exit_code == 2
    assert "Usage: simcb" in done.stdout
    assert done.stderr == ""
