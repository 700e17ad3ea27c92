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


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def committed(notebook: Path) -> Any:
    return nbformat.read(notebook, as_version=4)


@pytest.fixture(scope="module")
def executed(notebook: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook run from nothing in a place of its own; a cell that fails is an error."""
    folder = tmp_path_factory.mktemp("notebook")
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


def test_a_notebook_runs_from_nothing(executed: Any) -> None:
    assert all(cell.execution_count for cell in code_cells(executed))


def test_every_figure_is_shown_exactly_once(executed: Any) -> None:
    """A cell that plots has one picture, neither none nor two."""
    for cell in code_cells(executed):
        assert images(cell) <= 1, cell.source
    last_lines = {id(cell): cell.source.strip().splitlines()[-1] for cell in code_cells(executed)}
    plotting = [
        cell
        for cell in code_cells(executed)
        if ".plot" in last_lines[id(cell)] or last_lines[id(cell)].startswith("side_by_side(")
    ]
    assert plotting
    assert all(images(cell) == 1 for cell in plotting)


def test_a_notebook_is_committed_with_its_outputs(
    notebook: Path, committed: Any, executed: Any
) -> None:
    """The committed outputs are those that the cells give today."""
    pairs = zip(code_cells(committed), code_cells(executed), strict=True)
    for number, (old, new) in enumerate(pairs, start=1):
        assert old.execution_count == number
        assert [images(old), printed(old)] == [images(new), printed(new)], RENEW.format(
            notebook.name
        )


def test_a_notebook_says_nothing_of_the_machine_it_was_made_on(
    notebook: Path, committed: Any
) -> None:
    """No paths of somebody's home and no kernel that nobody else has."""
    text = notebook.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert not any(word in text for word in ('"/home/', "/Users/", "site-packages", "/tmp/"))
    assert committed.metadata.kernelspec.name == "python3"
    assert all(
        output.get("name") != "stderr" for c in code_cells(committed) for output in c.outputs
    )
