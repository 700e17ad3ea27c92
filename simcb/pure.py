"""Running the sources where compiled modules stand beside them: `SIMCB_PURE=1`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType


class _Sources(MetaPathFinder):
    """Finds the modules of simcb by their sources alone."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of simcb is; None for any other, and where there is no source."""
        if name.startswith("simcb."):
            for place in path or ():
                spec = FileFinder(place, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)
                if spec is not None:
                    return spec
        return None


def load_sources() -> None:
    """Let what is imported of simcb from now on be its sources."""
    sys.meta_path.insert(0, _Sources())
