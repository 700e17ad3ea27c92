"""Deliberately broken breakers: the shipped room with one sentence of it changed.

Each entry names the mistake as other breakers make it, the contract line it breaks, the change
in the source, and the test that has to notice. A change that no longer fits the source is an
error, so the set cannot quietly become empty.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType

from test_breaker.test_interrupts import closed, probing

import simcb.breaker

_numbers = count()


@dataclass(frozen=True)
class Broken:
    """One mistake; `test` is `module::function`, and `arguments` are its parameters."""

    name: str
    line: int
    file: str
    old: str
    new: str
    test: str
    arguments: tuple[object, ...] = ()


STATES, EXITS = "test_contract_states", "test_contract_exits"
AWAITABLES, INTERRUPTS, NESTING = "test_awaitables", "test_interrupts", "test_nesting"
THREADS, WINDOWS, SCHEDULES = "test_contract_threads", "test_contract_windows", "test_schedules"
IN_FLIGHT = "test_in_flight"

WRONG_GENERATION = Broken(
    "a permit is of whatever state the breaker is in by then",
    4,
    "machine.py",
    "                permit._generation = state.generation\n"
    "                self._counts[ADMITTED] += 1\n"
    "                return None\n",
    "                self._counts[ADMITTED] += 1\n"
    "        if state.untimed:\n"
    "            permit._generation = self._state.generation\n"
    "            return None\n"
    "        with self._lock:\n",
    f"{STATES}::test_line_04_a_permit_is_of_the_state_that_admitted_it_and_no_later_one",
)

BROKEN = (
    Broken(
        "late by one tick: the deadline itself is still closed to probes",
        1,
        "machine.py",
        "if left > 0.0:",
        "if left >= 0.0:",
        f"{STATES}::test_line_01_a_probe_passes_at_exactly_the_deadline",
    ),
    Broken(
        "an open breaker that lets the call through first",
        1,
        "machine.py",
        "if left > 0.0:",
        "if left > 1.0:",
        f"{STATES}::test_line_01_no_call_passes_before_the_deadline",
    ),
    Broken(
        "a half-open stampede: every caller is a probe",
        2,
        "machine.py",
        "if seen.is_full:",
        "if False:",
        f"{STATES}::test_line_02_half_open_lets_only_its_probes_through",
    ),
    Broken(
        "check, then act, without a lock",
        2,
        "machine.py",
        "with self._lock:\n            state = self._state\n            if state.untimed",
        "if True:\n            state = self._state\n            if state.untimed",
        f"{SCHEDULES}::test_line_02_probes_are_counted_under_any_schedule",
    ),
    Broken(
        "each of the callers that arrive together makes its own transition",
        3,
        "machine.py",
        "with self._lock:\n            state = self._state\n            if state.untimed",
        "if True:\n            state = self._state\n            if state.untimed",
        f"{SCHEDULES}::test_line_03_one_half_open_transition_under_any_schedule",
    ),
    Broken(
        "late results count in whatever generation they find",
        4,
        "machine.py",
        "if permit._probe in seen.probes:",
        "if True:",
        f"{STATES}::test_line_04_a_late_success_never_closes",
    ),
    Broken(
        "a call that returns late counts as a success of the state that is gone",
        4,
        "machine.py",
        "if state.unheard and permit._generation == state.generation:",
        "if state.unheard:",
        f"{STATES}::test_line_04_a_call_that_returns_after_a_change_is_stale",
    ),
    WRONG_GENERATION,
    Broken(
        "a permit that can be settled again and again",
        4,
        "machine.py",
        "            permit._generation = SETTLED\n            seen.calls = calls",
        "            seen.calls = calls",
        f"{STATES}::test_line_04_a_permit_settles_once",
    ),
    Broken(
        "cancellation counts as a failure",
        5,
        "judging.py",
        "if not isinstance(error, Exception):\n            return Outcome.IGNORED",
        "if not isinstance(error, Exception):\n            return Outcome.FAILURE",
        f"{EXITS}::test_line_05_cancellation_at_every_suspension_point",
    ),
    Broken(
        "only Exception is caught, so an interrupted probe keeps its slot",
        5,
        "calling.py",
        "except BaseException",
        "except Exception",
        "test_broken::interrupted_probe_gives_its_slot_back",
    ),
    Broken(
        "a coroutine handed back unawaited is a success",
        5,
        "kinds.py",
        'if getattr(kind, "__await__", None) is not None or is_thread_future(result):',
        "if is_thread_future(result):",
        f"{EXITS}::test_line_05_a_coroutine_never_awaited_is_no_success",
    ),
    Broken(
        "a request to be awaited is a success, because it is no coroutine of the language's",
        5,
        "kinds.py",
        'if getattr(kind, "__await__", None) is not None or',
        'if kind.__name__ == "coroutine" or',
        f"{AWAITABLES}::test_line_05_what_has_to_be_awaited_settles_when_it_ends",
    ),
    Broken(
        "a request that is entered instead of awaited never counts",
        5,
        "awaitables.py",
        "return WrappedCoroutine(self, self._on_done, lambda _: _steps(enter(thing)))",
        "return enter(thing)",
        f"{AWAITABLES}::test_line_05_what_has_to_be_awaited_settles_when_it_ends",
    ),
    Broken(
        "a wrapper that is thrown away keeps its probe",
        5,
        "awaitables.py",
        "            on_done.release()\n\n\nclass WrappedCoroutine",
        "            pass\n\n\nclass WrappedCoroutine",
        f"{AWAITABLES}::test_line_05_what_nobody_awaits_is_no_success",
    ),
    Broken(
        "a task is a success when it is begun",
        5,
        "awaitables.py",
        "future.add_done_callback(ending)",
        "on_done.returned(future)",
        f"{AWAITABLES}::test_line_05_what_runs_by_itself_settles_when_it_is_done",
        ("task", False),
    ),
    Broken(
        "a task counts only if somebody awaits it",
        5,
        "awaitables.py",
        'if steps is None and (hasattr(kind, "_asyncio_future_blocking") or',
        "if steps is None and (",
        f"{AWAITABLES}::test_line_05_what_runs_by_itself_settles_when_it_is_done",
        ("task", False),
    ),
    Broken(
        "a cancelled task is a failure",
        5,
        "awaitables.py",
        "if future.cancelled():",
        "if False:",
        f"{AWAITABLES}::test_line_05_an_executors_future_settles_when_it_is_done",
    ),
    Broken(
        "an interrupt between counting a call and granting it counts one that never ends",
        5,
        "machine.py",
        "                permit._generation = state.generation\n"
        "                self._counts[ADMITTED] += 1\n",
        "                self._counts[ADMITTED] += 1\n"
        "                permit._generation = int(state.generation)\n",
        f"{INTERRUPTS}::test_an_interrupt_at_any_moment_leaves_the_breaker_whole",
        (closed, "success"),
    ),
    Broken(
        "an interrupt between granting a probe and counting it counts an end too many",
        5,
        "decisions.py",
        "permit._generation = generation\n            self._counts[kind] += 1",
        "permit._generation = int(generation)\n            self._counts[int(kind)] += 1",
        f"{INTERRUPTS}::test_an_interrupt_at_any_moment_leaves_the_breaker_whole",
        (probing, "with"),
    ),
    Broken(
        "the end of a block looks through what other threads change",
        5,
        "scopes.py",
        "reversed(self._blocks.copy().values())",
        "reversed(self._blocks.values())",
        f"{SCHEDULES}::test_line_05_blocks_passed_on_settle_under_any_schedule",
    ),
    Broken(
        "an interrupt in the end of a block loses its call",
        5,
        "scopes.py",
        "            self._scopes.forget(block)\n            block.held.release()\n",
        "",
        f"{INTERRUPTS}::test_an_interrupt_at_any_moment_leaves_the_breaker_whole",
        (closed, "with"),
    ),
    Broken(
        "an interrupt in the end of a permit's block loses its call",
        5,
        "permit.py",
        "        except BaseException:\n            self.ignore()\n",
        "        except Exception:\n",
        f"{INTERRUPTS}::test_an_interrupt_at_any_moment_leaves_the_breaker_whole",
        (closed, "with a permit"),
    ),
    Broken(
        "an interrupt while a place is given back keeps it for ever",
        5,
        "bulkhead.py",
        "        except BaseException:\n",
        "        except Exception:\n",
        "test_bulkhead::test_an_interrupt_at_any_moment_of_any_call_gives_the_place_back",
        ("call",),
    ),
    Broken(
        "probes without a lease: a hung one wedges the breaker half-open",
        6,
        "machine.py",
        "if not seen.probes or now < seen.probes[0].until:",
        "if True:",
        f"{STATES}::test_line_06_a_hung_probe_counts_as_failed_when_its_lease_ends",
    ),
    Broken(
        "the lease of the youngest probe counts for all",
        6,
        "machine.py",
        "now < seen.probes[0].until",
        "now < seen.probes[-1].until",
        f"{STATES}::test_line_06_each_probe_has_its_own_lease",
    ),
    Broken(
        "a lease that ran out is told as a failure",
        6,
        "machine.py",
        "Reason.LEASE_EXPIRED",
        "Reason.PROBE_FAILED",
        f"{STATES}::test_line_06_each_probe_has_its_own_lease",
    ),
    Broken(
        "an exception in a predicate leaks the probe",
        6,
        "judging.py",
        "        return in_doubt\n",
        "        raise\n",
        f"{STATES}::test_line_06_a_raising_predicate_leaves_no_probe_behind",
    ),
    Broken(
        "an ignored probe never gives its place back",
        7,
        "machine.py",
        "if one is not permit._probe)",
        "if True)",
        f"{STATES}::test_line_02_half_open_lets_only_its_probes_through",
    ),
    Broken(
        "a probe that makes a thousand calls through its own breaker",
        2,
        "machine.py",
        "if outer.inner < outer.most:",
        "if True:",
        f"{NESTING}::test_line_02_a_probe_makes_only_so_many_calls_of_its_own",
    ),
    Broken(
        "a probe that needs many calls through its own breaker never ends well",
        7,
        "machine.py",
        "max(self._inner_calls, 2 * outer.most)",
        "self._inner_calls",
        f"{NESTING}::test_line_07_a_call_that_fans_out_through_its_own_breaker_closes_it",
        ("group",),
    ),
    Broken(
        "a probe that calls its own breaker is rejected there, for ever",
        7,
        "machine.py",
        "if outer is not None:",
        "if False:",
        f"{NESTING}::test_line_07_calls_within_calls_of_one_breaker_close_it",
        ("function", 1),
    ),
    Broken(
        "a probe's failure is counted but the breaker stays half-open",
        7,
        "states.py",
        "if ended.failed:",
        "if False:",
        f"{THREADS}::test_line_09_listeners_hear_every_transition_once_in_order",
    ),
    Broken(
        "a call counted in flight is counted again when it ends",
        17,
        "states.py",
        'if window.flights in (getattr(permit, "_counted", ()) or ()):',
        "if False:",
        f"{IN_FLIGHT}::test_line_17_what_a_call_ends_with_adds_nothing_to_what_was_counted",
    ),
    Broken(
        "a call in flight is slow a tick late",
        17,
        "flights.py",
        "now - first._began >= self.slow",
        "now - first._began > self.slow",
        f"{IN_FLIGHT}::test_line_17_a_hung_service_opens_it_once_its_calls_are_slow",
        ("SlowCallRate",),
    ),
    Broken(
        "a call in flight is counted when it is found out, however late",
        17,
        "machine.py",
        "moment = min(flight._began + flights.slow, now)",
        "moment = now",
        f"{IN_FLIGHT}::test_line_17_a_call_is_counted_at_the_moment_it_became_slow",
        ({"window": 6.0},),
    ),
    Broken(
        "calls in flight are forgotten with new settings",
        17,
        "windows.py",
        '"began", "flights")',
        '"began")',
        f"{IN_FLIGHT}::test_line_17_new_settings_keep_the_calls_in_flight",
    ),
    Broken(
        "a forked child takes the calls of its parent's threads for hung",
        17,
        "decisions.py",
        "flights.out.clear()",
        "pass",
        f"{IN_FLIGHT}::test_line_17_a_forked_child_takes_nobodys_calls_for_hung",
    ),
    Broken(
        "a handler's count of the slow calls is written over",
        17,
        "machine.py",
        "if self._state is not seen or seen.calls != calls or seen.credit != credit:",
        "if False:",
        f"{IN_FLIGHT}::test_line_17_each_is_counted_once_whatever_interrupts",
    ),
    Broken(
        "a verdict that lets a new probe through for every one that has ended",
        2,
        "states.py",
        "else self.ended.calls",
        "else 0",
        "test_verdict::test_line_02_with_a_verdict_so_many_probes_are_let_through_in_all",
    ),
    Broken(
        "a verdict before all probes have ended",
        7,
        "states.py",
        "if ended.calls < policy.probes:",
        "if not ended.calls:",
        "test_verdict::test_the_verdict_is_given_when_all_probes_have_ended",
        (2, "open"),
    ),
    Broken(
        "what is opened by hand never recovers",
        16,
        "controls.py",
        "until = now + (",
        "until = NEVER + (",
        "test_controls::test_line_16_opened_by_hand_it_recovers_by_itself",
    ),
    Broken(
        "new settings make calls stale that are out",
        16,
        "states.py",
        "ClosedState(self.generation, self",
        "ClosedState(self.generation + 1, self",
        "test_controls::test_line_16_new_settings_keep_the_state_and_the_deadline",
    ),
    Broken(
        "a ramp that lets every call through",
        2,
        "machine.py",
        "passes = credit >= WHOLE",
        "passes = True",
        "test_ramp::test_line_02_a_ramp_lets_the_sum_of_the_shares_through",
        (0.1, 1.0),
    ),
    Broken(
        "a ramp that never ends",
        7,
        "states.py",
        "return now - self.since >= self.length",
        "return False",
        "test_ramp::test_line_07_a_healthy_ramp_ends_closed",
    ),
    Broken(
        "a probe whose lease has run out counts for nothing in the verdict",
        6,
        "machine.py",
        "ended = seen.one_more_ended(failed, lasted, len(seen.probes) - len(probes))",
        "ended = seen.ended",
        "test_verdict::test_line_06_a_lost_probe_counts_as_failed_in_the_verdict",
    ),
    Broken(
        "an open breaker that keeps the frames of the call that opened it",
        13,
        "machine.py",
        "opened.last_error = bare(error)",
        "pass",
        "test_why_it_opened::test_line_13_why_it_opened_keeps_no_frames_alive",
    ),
    Broken(
        "time that goes back with the clock",
        8,
        "decisions.py",
        "self._latest = now = now if now > self._latest else self._latest",
        "self._latest = now",
        f"{STATES}::test_line_08_time_never_goes_back",
    ),
    Broken(
        "the wall clock",
        8,
        "breaker.py",
        "= time.monotonic,",
        "= lambda: time.time(),",
        f"{STATES}::test_line_08_wall_clock_changes_have_no_effect",
    ),
    Broken(
        "listeners are told by whoever comes, in any order",
        9,
        "listeners.py",
        "if self._teller is not token:",
        "if False:",
        f"{SCHEDULES}::test_line_09_news_is_told_in_order_under_any_schedule",
    ),
    Broken(
        "listeners run under the lock",
        10,
        "listeners.py",
        "                    listener(topic)\n",
        "                    with self._lock: listener(topic)\n",
        f"{THREADS}::test_line_09_listeners_run_outside_the_lock",
    ),
    Broken(
        "a lock that does not let its own thread in again",
        10,
        "listeners.py",
        "self._lock = threading.RLock()",
        "self._lock = threading.Lock()",
        "test_broken::handler_does_not_deadlock",
    ),
    Broken(
        "the lock of the parent in the child",
        10,
        "sharing.py",
        "        thing._renew_lock()",
        "        thing",
        f"{THREADS}::test_line_10_a_forked_child_has_a_usable_lock",
    ),
    Broken(
        "a lock taken by hand: an interrupt before it is given back keeps it",
        10,
        "machine.py",
        "with self._lock:\n            settled = self._settle_locked(permit, kind, error)",
        "self._lock.acquire()\n        settled = self._settle_locked(permit, kind, error)\n"
        "        self._lock.release()",
        f"{INTERRUPTS}::test_an_interrupt_at_any_moment_of_a_bare_permit_is_survived",
    ),
    Broken(
        "a failure that raises its error from a new one",
        11,
        "calling.py",
        "permit.raised(error)\n                    raise\n",
        "permit.raised(error)\n                    raise ValueError from error\n",
        f"{EXITS}::test_line_11_exceptions_and_results_arrive_untouched",
    ),
    Broken(
        "a tumbling window",
        12,
        "windows.py",
        "counted = after - ring[(calls + 1) % (size + 1)]",
        "counted = (after - ring[0]) * (calls % size == 0)",
        f"{WINDOWS}::test_line_12_a_count_window_holds_the_last_n_outcomes",
    ),
    Broken(
        "an outcome that is exactly as old as the window still counts",
        12,
        "windows.py",
        "while now - oldest[0] >= span:",
        "while now - oldest[0] > span:",
        f"{WINDOWS}::test_line_12_a_time_window_drops_what_is_exactly_its_age",
    ),
    Broken(
        "a crowded time window that is right to a tenth",
        12,
        "windows.py",
        "now - moments[-1][0] >= span / FINEST",
        "now - moments[-1][0] >= span / 10",
        f"{WINDOWS}::test_line_12_a_crowded_time_window_is_exact_to_a_ten_thousandth",
    ),
    Broken(
        "a probe that takes exactly as long as a slow call closes the breaker",
        12,
        "states.py",
        "took >= slow_from(rule)",
        "took > slow_from(rule)",
        f"{WINDOWS}::test_line_12_slow_calls_trip_and_slow_probes_do_not_close",
    ),
    Broken(
        "a trip below minimum_calls",
        12,
        "windows.py",
        "return inside >= self.minimum and counted / inside >= self.rate",
        "return counted / inside >= self.rate",
        f"{WINDOWS}::test_line_12_no_rate_trips_below_minimum_calls",
    ),
    Broken(
        "successes that a quiet window never hears of",
        12,
        "states.py",
        "not timed and not any(window.hears_all for window in windows)",
        "not timed",
        f"{WINDOWS}::test_line_12_a_window_is_exact_after_it_was_quiet",
    ),
    Broken(
        "a window that is taken for quiet while a failure is in it",
        12,
        "windows.py",
        "        if not counted:\n            return False\n",
        "        if not after - before:\n            return False\n",
        f"{WINDOWS}::test_line_12_a_window_is_exact_after_it_was_quiet",
    ),
    Broken(
        "a success that adds itself to windows that a failure is just being added to",
        12,
        "machine.py",
        "with self._lock:\n            state = self._state\n            if state.unheard",
        "if True:\n            state = self._state\n            if state.unheard",
        f"{SCHEDULES}::test_line_12_a_rate_is_exact_under_any_schedule",
    ),
    Broken(
        "a call that is counted over what a handler's calls have come to meanwhile",
        12,
        "machine.py",
        "if seen.calls != calls - 1 or self._state is not seen or not permit._generation:",
        "if self._state is not seen or not permit._generation:",
        f"{WINDOWS}::test_line_12_a_window_is_exact_after_a_handler_has_entered",
    ),
    Broken(
        "a total that is written over what a handler's calls have written since",
        12,
        "windows.py",
        "if last > self.written:",
        "if True:",
        f"{WINDOWS}::test_line_12_a_window_is_exact_after_a_handler_has_entered",
    ),
    Broken(
        "a time window that keeps every call for ever",
        13,
        "windows.py",
        "moments.popleft()\n            oldest = moments[0]",
        "break",
        f"{THREADS}::test_line_13_memory_is_bounded_by_the_window",
    ),
    Broken(
        "a breaker that somebody always holds",
        13,
        "sharing.py",
        "= ref(thing)",
        "= lambda: thing",
        f"{THREADS}::test_line_13_a_breaker_nobody_holds_is_collected",
    ),
    Broken(
        "a type of results that is remembered for ever",
        13,
        "kinds.py",
        "= ref(kind, lambda _: PLAIN.pop(number, None))",
        "= kind",
        f"{AWAITABLES}::test_line_13_no_type_is_kept_alive",
    ),
    Broken(
        "a type that is taken for a dead one at the same address",
        13,
        "kinds.py",
        "= ref(kind, lambda _: PLAIN.pop(number, None))",
        "= None",
        f"{AWAITABLES}::test_line_13_an_identity_that_comes_again_is_looked_at_again",
    ),
    Broken(
        "counters without a lock",
        14,
        "machine.py",
        "with self._lock:\n            settled = self._settle_locked(permit, kind, error)",
        "settled = self._settle_locked(permit, kind, error)",
        f"{SCHEDULES}::test_line_14_every_outcome_is_counted_under_any_schedule",
        (False,),
    ),
    Broken(
        "a snapshot that is taken while others count",
        14,
        "breaker.py",
        "with self._lock:\n            return self._snapshot_locked()",
        "return self._snapshot_locked()",
        f"{SCHEDULES}::test_line_14_no_snapshot_has_calls_ended_that_never_began",
    ),
    Broken(
        "await and call that differ: the coroutine's success is not recorded",
        15,
        "guards.py",
        "leave(mark)\n                held.returned(result)",
        "leave(mark)\n                held.release()",
        f"{WINDOWS}::test_line_15_every_way_of_calling_gives_the_same_states",
    ),
)


@contextmanager
def broken_room(mistake: Broken, folder: Path) -> Iterator[ModuleType]:
    """The room with the mistake in it, imported under a name of its own."""
    name = f"broken_room_{next(_numbers)}"
    home = folder / name
    home.mkdir()
    changed = 0
    for source in Path(simcb.breaker.__file__).parent.glob("*.py"):
        text = source.read_text(encoding="utf-8").replace("simcb.breaker", name)
        if source.name == mistake.file:
            changed = text.count(mistake.old)
            text = text.replace(mistake.old, mistake.new)
        (home / source.name).write_text(text, encoding="utf-8")
    assert changed, f"{mistake.old!r} is no longer in {mistake.file}"
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for loaded in [one for one in sys.modules if one.split(".")[0] == name]:
            del sys.modules[loaded]
