"""The build hook that compiles the world and the breaker: `SIMCB_COMPILE=1 pip install .`.

It takes a C compiler. Without that variable, and in an editable install, nothing is compiled and
no compiler is asked for. The `.py` files stay the one source; a `.pxd` beside one declares its
types, and two small files that C does better, the heap and the packing of rows, have a `.pyx` that
stands for them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOMS = ("simcb/breaker", "simcb/world")
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    "infer_types": True,
    "binding": True,
}
BUILT = "built"
STRIPPED = ["-s"] if os.name == "posix" and sys.platform != "darwin" else []


class CompileHook(BuildHookInterface):
    """Adds the compiled modules to a wheel, if that is wanted."""

    PLUGIN_NAME = "custom"

    def _wanted(self) -> bool:
        return self.target_name == "wheel" and os.environ.get("SIMCB_COMPILE", "0") not in ("", "0")

    def dependencies(self) -> list[str]:
        """Return what a compiled build needs to be installed."""
        return ["cython>=3.1", "setuptools"] if self._wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every module that has declarations, away from the sources."""
        if version == "editable" or not self._wanted():
            return
        self._folder = Path(tempfile.mkdtemp(prefix="simcb-"))
        for built in compiled(Path(self.root), self._folder):
            place = built.relative_to((self._folder / BUILT).resolve())
            build_data["force_include"][str(built)] = place.as_posix()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing behind."""
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)


def compiled(root: Path, folder: Path) -> list[Path]:
    """Compile in a folder of its own and return the extension modules."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    for room in ROOMS:
        shutil.copytree(root / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("simcb", *ROOMS):  # what Cython takes for a package
        (folder / part / "__init__.pxd").touch()
    before = Path.cwd()
    os.chdir(folder)
    try:
        extensions = []
        for declared in (each for room in ROOMS for each in sorted(Path(room).glob("[!_]*.pxd"))):
            source = declared.with_suffix(".pyx")
            source = source if source.exists() else declared.with_suffix(".py")
            name = ".".join(declared.with_suffix("").parts)
            extensions.append(Extension(name, [str(source)], extra_link_args=STRIPPED))
        command = build_ext(
            Distribution({"ext_modules": cythonize(extensions, compiler_directives=DIRECTIVES)})
        )
        command.build_lib = str(folder / BUILT)
        command.build_temp = str(folder / "temporary")
        command.parallel = os.cpu_count()
        command.ensure_finalized()
        command.run()
        return [Path(command.get_ext_fullpath(each.name)).resolve() for each in extensions]
    finally:
        os.chdir(before)
