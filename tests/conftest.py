"""What all tests share: how Hypothesis looks for examples, and that nothing is run twice.

By default the examples are the same each time and on every machine, so a failure is a change's
own, and they are few; CI tries more, with `-m hypothesis --hypothesis-profile=deep`. To look for
new ones: `pytest --hypothesis-profile=hunt`.
"""

from __future__ import annotations

import gc
import pickle
from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from simcb.scenario import Scenario
from simcb.studies import Run
from simcb.studies.evaluation import cells

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

settings.register_profile(
    "steady",
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("deep", settings.get_profile("steady"), max_examples=60)
settings.register_profile("hunt", settings.get_profile("deep"), derandomize=False)
settings.load_profile("steady")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Give each worker a stretch of neighbouring tests: they share the runs they look at."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector pass over what collecting makes, nearly all of which stays.

    It would be walked again and again while thousands of tests are found, and once more by each
    test that asks for a collection. Afterwards it comes as rarely as in the command.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000)
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of minutes, or one worker is left alone with them at the end."""
    items.sort(key=lambda item: "minutes" not in item.keywords)


MOST_KEPT = 3000
"""Runs of cells that are remembered; each takes some 40 kB."""


@pytest.fixture(scope="session", autouse=True)
def _no_cell_is_run_twice() -> Iterator[None]:
    """Remember the cells that sweeps and tunes run in this process, and what they change.

    Dozens of tests tune the same two scenarios on the same random numbers, and whether two runs
    of one seed are alike is asked elsewhere, by their bytes.
    """
    run_once, applied = cells.run_once, cells.applied
    known: OrderedDict[bytes, Run] = OrderedDict()
    variants: dict[bytes, Scenario] = {}

    def remembered(
        scenario: Scenario, seed: int, replicate: int, *, clients: Mapping[str, str]
    ) -> Run:
        if clients:
            # The same name may be other code by now.
            return run_once(scenario, seed, replicate, clients=clients)
        key = pickle.dumps((scenario, seed, replicate))
        if key not in known:
            known[key] = run_once(scenario, seed, replicate)
            if len(known) > MOST_KEPT:
                known.popitem(last=False)
        return known[key]

    def made(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
        key = pickle.dumps((scenario, changes))
        if key not in variants:
            variants[key] = applied(scenario, changes)
        return variants[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "run_once", remembered)
        patch.setattr(cells, "applied", made)
        yield
