"""The committed notebooks run, and what they show is what they gave."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RENEW = "run: jupyter execute --inplace notebooks/{}"

pytestmark = [
    pytest.mark.slow,
    # A kernel is another process with libraries of its own; what they warn of is not ours.
    pytest.mark.filterwarnings("ignore"),
]


def executed(notebook: Path, folder: Path) -> Any:
    """Return the notebook run from nothing in a folder; a cell that fails is an error."""
    fresh = nbformat.read(shutil.copy(notebook, folder), as_version=4)
    for cell in code_cells(fresh):
        cell.outputs, cell.execution_count = [], None
    client = nbclient.NotebookClient(
        fresh, timeout=2400, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    client.execute(
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "IPYTHONDIR": str(folder / "ipython"),
        }
    )
    return fresh


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def images(cell: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def printed(cell: Any) -> str:
    """Return what a cell printed, and the plain form of what it showed."""
    texts = []
    for output in cell.outputs:
        assert output.output_type != "error", output
        texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "".join(texts)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.minutes
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_nothing_and_shows_what_is_committed(
    notebook: Path, tmp_path: Path
) -> None:
    """The committed outputs are those that the cells give today; one test, so it runs once."""
    new = executed(notebook, tmp_path)
    assert all(cell.execution_count for cell in code_cells(new))
    check_figures(new)
    committed = nbformat.read(notebook, as_version=4)
    pairs = zip(code_cells(committed), code_cells(new), strict=True)
    for number, (before, after) in enumerate(pairs, start=1):
        assert before.execution_count == number
        assert [images(before), printed(before)] == [images(after), printed(after)], RENEW.format(
            notebook.name
        )


def check_figures(notebook: Any) -> None:
    """Fail unless a cell that plots has one picture, neither none nor two."""
    for cell in code_cells(notebook):
        assert images(cell) <= 1, cell.source
    last_lines = {id(cell): cell.source.strip().splitlines()[-1] for cell in code_cells(notebook)}
    plotting = [cell for cell in code_cells(notebook) if ".plot" in last_lines[id(cell)]]
    assert any(map(images, code_cells(notebook)))
    assert all(images(cell) == 1 for cell in plotting)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_says_nothing_of_the_machine_it_was_made_on(notebook: Path) -> None:
    """No paths of somebody's home and no kernel that nobody else has."""
    committed = nbformat.read(notebook, as_version=4)
    text = notebook.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert not any(word in text for word in ('"/home/', "/Users/", "site-packages", "/tmp/"))
    assert committed.metadata.kernelspec.name == "python3"
    assert all(
        output.get("name") != "stderr" for c in code_cells(committed) for output in c.outputs
    )
