"""What decides a run's numbers besides the scenario: the versions, and the keys of cells.

Two sweeps may share results only if all of this is equal.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from simcb.scenario import Scenario
from simcb.scenario.arrivals import Replay
from simcb.trace.trace import FORMAT_VERSION
from simcb.version import __version__

_DIGEST = 16


@dataclass(frozen=True)
class Engine:
    """The versions that decide what a run of a given scenario and seed gives.

    numpy draws the chance and sums the numbers, SimPy orders the events; both keep to what
    they do within a minor version. Python, the machine and the number of workers change
    nothing.

    Args:
        simcb: the version of simcb.
        trace: the version of the record of a run.
        numpy: major and minor version.
        simpy: major and minor version.
    """

    simcb: str
    trace: str
    numpy: str
    simpy: str

    @property
    def items(self) -> dict[str, str]:
        """The versions by name."""
        return {
            "simcb": self.simcb,
            "trace": self.trace,
            "numpy": self.numpy,
            "simpy": self.simpy,
        }


def this_engine() -> Engine:
    """Return the engine of this process."""
    return Engine(
        __version__, str(FORMAT_VERSION), _minor(np.__version__), _minor(version("simpy"))
    )


def _minor(text: str) -> str:
    return ".".join(text.split(".")[:2])


def scenario_digest(scenario: Scenario) -> str:
    """Return what identifies an effective scenario: its file's text and the data it replays.

    What is swept over it decides nothing about a run, so a `sweep` in the file is left out.
    """
    digest = hashlib.blake2b(scenario.without_sweep().to_yaml().encode(), digest_size=_DIGEST)
    for name, group in scenario.clients.items():
        if isinstance(group.arrivals, Replay):
            numbers = np.array(group.arrivals.moments or group.arrivals.rates, "<f8")
            digest.update(name.encode())
            digest.update(numbers.tobytes())
    return digest.hexdigest()


def cell_key(scenario: str, replicate: int, seed: int, engine: Engine) -> str:
    """Return the key of a cell: equal keys, equal numbers.

    Args:
        scenario: the digest of the effective scenario.
        replicate: which replicate.
        seed: random seed.
        engine: the versions it is run with.
    """
    words = (scenario, str(replicate), str(seed), *engine.items.values())
    return hashlib.blake2b("\n".join(words).encode(), digest_size=_DIGEST).hexdigest()
