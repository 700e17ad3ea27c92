"""An integration without its library says which `pip install` to run; with it, stays light."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys

import pytest

from simcb.errors import MissingExtraError
from simcb.integrations.demo.__main__ import main

EXTRAS = [
    ("fastapi", "fastapi", "fastapi"),
    ("httpx", "httpx", "httpx"),
    ("httpx2", "httpx2", "httpx2"),
    ("redis", "redis", "redis"),
    ("prometheus", "prometheus_client", "prometheus"),
    ("opentelemetry", "opentelemetry", "opentelemetry"),
    ("demo.serving", "uvicorn", "demo"),
]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch):
    """Make a library impossible to import, and our modules be imported anew."""

    def block(library: str) -> None:
        for name in [*sys.modules]:
            ours = name.startswith("simcb.integrations.") and not name.endswith("__main__")
            if ours or name.startswith(f"{library}."):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, library, None)

    return block


@pytest.mark.parametrize(("module", "library", "extra"), EXTRAS)
def test_an_integration_without_its_library_names_the_extra(without, module, library, extra):
    """One sentence with the command to paste, as an error of ours."""
    without(library)
    with pytest.raises(MissingExtraError) as caught:
        importlib.import_module(f"simcb.integrations.{module}")
    assert str(caught.value) == (f"{library} is not installed; run: pip install 'simcb[{extra}]'")


@pytest.mark.parametrize(("module", "library", "extra"), EXTRAS)
def test_whoever_can_do_without_catches_an_import_error(without, module, library, extra):
    """The usual `try: import … except ImportError:` works, and its error knows the library."""
    without(library)
    with pytest.raises(ImportError) as caught:
        importlib.import_module(f"simcb.integrations.{module}")
    assert caught.value.name == library


def test_a_missing_extra_survives_pickling_and_being_built_again_from_its_args():
    """A worker of a process pool may be the one that finds out."""
    error = MissingExtraError("pandas", "notebook")
    for again in (pickle.loads(pickle.dumps(error)), type(error)(*error.args)):
        assert (again.library, again.extra, again.name) == ("pandas", "notebook", "pandas")
        assert str(again) == str(error)


@pytest.mark.parametrize("library", ["fastapi", "uvicorn", "httpx"])
def test_the_demo_without_a_library_names_its_own_extra_and_exits_with_3(without, capsys, library):
    """One extra brings all that the demo needs."""
    without(library)
    assert main(["--port", "0"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{library} is not installed; run: pip install 'simcb[demo]'\n"


def test_the_demo_needs_redis_only_to_remember_there(without, capsys):
    """Its absence is named when it is asked for, with its own extra."""
    without("redis")
    assert main(["--port", "0", "--redis", "redis://127.0.0.1:1/0"]) == 3
    assert "pip install 'simcb[redis]'" in capsys.readouterr().err


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False
    )


def test_the_demos_help_needs_no_library():
    """Somebody who has installed nothing yet can read what it is."""
    done = _run(
        "import sys\n"
        "for name in ('fastapi', 'uvicorn', 'httpx', 'redis'): sys.modules[name] = None\n"
        "from simcb.integrations.demo.__main__ import main\n"
        "main(['--help'])"
    )
    assert done.returncode == 0
    assert "example:\n  python -m simcb.integrations.demo" in done.stdout


def test_the_integrations_load_nothing_of_the_simulator():
    """A service pays for its breaker, its libraries, and no more."""
    imports = "\n".join(f"import simcb.integrations.{module}" for module, _, _ in EXTRAS)
    done = _run(f"import sys\n{imports}\nprint('\\n'.join(sys.modules))")
    assert done.stderr == ""
    loaded = done.stdout.split()
    assert not {"numpy", "simpy", "yaml", "matplotlib", "typer"} & set(loaded)
    rooms = {name.split(".")[1] for name in loaded if name.startswith("simcb.")}
    assert rooms == {"breaker", "errors", "integrations", "version", "window"}
