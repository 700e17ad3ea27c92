"""A second opinion on the breaker: the contract in the plainest words, with lists and scans.

It shares no code and no idea with the real one: it keeps every outcome for ever and works
everything out anew each time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Entry = tuple[float, bool, float]
"""An outcome: when, whether it failed, how long it took."""


@dataclass
class ModelRule:
    """One trip rule: `kind` is consecutive, in_window, rate, slow, or either of these two."""

    kind: str
    threshold: int = 0
    rate: float = 0.0
    calls: int | None = None
    window: float | None = None
    minimum: int = 1
    slow: float = 0.0
    every: float | None = None
    strict: bool = False
    since: float = 0.0
    in_flight: bool = False
    log: list[Entry] = field(default_factory=list)
    early: list[ModelPermit] = field(default_factory=list)

    def counts(self, failed: bool, took: float) -> bool:
        """Whether a call is one of those that its rate is about."""
        return {
            "rate": failed,
            "slow": took >= self.slow,
            "either": failed or took >= self.slow,
        }[self.kind]

    def kept(self, now: float) -> list[Entry]:
        """The outcomes since the counts were cleared."""
        if self.every is None:
            return self.log
        period = (now - self.since) // self.every
        return [entry for entry in self.log if (entry[0] - self.since) // self.every == period]

    def seen(self, now: float) -> tuple[int, int, float | None]:
        """What a snapshot has to say of it: calls it looks at, those it counts, their share."""
        log = self.kept(now)
        if self.kind == "consecutive":
            streak = 0
            for _, failed, _ in reversed(log):
                if not failed:
                    break
                streak += 1
            return streak, streak, None
        inside = [entry for entry in log if self.window is None or now - entry[0] < self.window]
        if self.calls is not None:
            inside = inside[-self.calls :]
        failed = sum(failed for _, failed, _ in inside)
        if self.kind == "in_window":
            return failed, failed, None
        counted = sum(self.counts(failed, took) for _, failed, took in inside)
        return len(inside), counted, counted / len(inside) if inside else None

    def trips(self, now: float) -> bool:
        log = self.kept(now)
        if self.kind == "consecutive":
            tail = log[-self.threshold :]
            return len(tail) == self.threshold and all(failed for _, failed, _ in tail)
        inside = [entry for entry in log if self.window is None or now - entry[0] < self.window]
        if self.calls is not None:
            inside = inside[-self.calls :]
        if self.kind == "in_window":
            return sum(failed for _, failed, _ in inside) >= self.threshold
        counted = sum(self.counts(failed, took) for _, failed, took in inside)
        return len(inside) >= self.minimum and self.reached(counted, len(inside))

    def reached(self, counted: int, calls: int) -> bool:
        """Whether so many of so many are enough."""
        share = counted / calls
        return share > self.rate if self.strict else share >= self.rate


@dataclass(eq=False)
class ModelPermit:
    generation: int
    granted: float
    settled: bool = False


@dataclass
class Model:
    rules: list[ModelRule]
    timeout: float
    factor: float
    longest: float
    probes: int
    successes: int
    lease: float
    verdict: float | None = None
    ramp: float | None = None
    start: float = 0.0
    asked: list[float] = field(default_factory=list)
    passed: int = 0
    began: float = 0.0
    state: str = "closed"
    forced: str = ""
    generation: int = 1
    deadline: float = 0.0
    wait: float = 0.0
    ended: list[tuple[bool, float]] = field(default_factory=list)
    out: list[ModelPermit] = field(default_factory=list)
    flying: list[ModelPermit] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("admitted", "rejected", "success", "failure", "ignored", "stale"), 0
        )
    )

    def go(self, state: str, forced: str = "", now: float = 0.0) -> None:
        for rule in self.rules:
            rule.since, rule.log, rule.early = now, [], []
        self.state, self.forced = state, forced
        self.generation += 1
        self.flying, self.out, self.ended = [], [], []
        self.began, self.asked, self.passed = now, [], 0

    def open(self, now: float, again: bool) -> None:
        self.wait = min(self.wait * self.factor, self.longest) if again else self.timeout
        self.deadline = now + self.wait
        self.go("open", now=now)

    def notice(self, now: float, but: ModelPermit | None = None, look: bool = True) -> None:
        """A lease that has run out is a failed probe that took all of it.

        What is slow and in flight is counted since it is slow, once.
        """
        lasts = min([self.lease, *(rule.slow for rule in self.rules if rule.in_flight)])
        lost = [one for one in self.out if now >= one.granted + lasts]
        self.out = [one for one in self.out if one not in lost]
        self.ended += [(lasts == self.lease, lasts)] * len(lost)
        if lost:
            self.judge(now)
        opens = False
        for rule in self.rules if look and self.forced != "closed" else []:
            slow = [
                one
                for one in self.flying
                if one not in rule.early and one is not but and now - one.granted >= rule.slow
            ]
            if rule.in_flight and slow:
                rule.early += slow
                rule.log += [(one.granted + rule.slow, False, rule.slow) for one in slow]
                opens = opens or rule.trips(now)
        if opens and self.forced != "count":
            self.open(now, again=self.ramping)

    def judge(self, now: float) -> None:
        """Closes or opens a half-open breaker if the probes that have ended decide it."""
        timing = [rule for rule in self.rules if rule.kind in ("slow", "either")]
        calls = len(self.ended)
        failed = sum(failed for failed, _ in self.ended)
        if self.verdict is None:
            if failed or any(took >= rule.slow for rule in timing for _, took in self.ended):
                self.open(now, again=True)
            elif calls >= self.successes:
                self.go("closed", now=now)
        elif calls == self.probes:
            many = [(rule, sum(rule.counts(*one) for one in self.ended)) for rule in timing]
            too_many = any(
                rule.reached(n, calls) if rule.kind == "slow" else n / calls >= self.verdict
                for rule, n in many
            )
            if failed / calls >= self.verdict or too_many:
                self.open(now, again=True)
            else:
                self.go("closed", now=now)

    def acquire(self, now: float) -> ModelPermit | None:
        self.notice(now)
        if self.state == "open" and not self.forced and now >= self.deadline:
            self.go("half_open" if self.probes or self.ramp else "closed", now=now)
        if self.ramping and self.ramp is not None and now - self.began >= self.ramp:
            self.go("closed", now=now)
        blocked = self.state == "open" or (
            not self.ramping
            and self.state == "half_open"
            and len(self.out) + (len(self.ended) if self.verdict else 0) >= self.probes
        )
        if self.ramping and self.ramp is not None:
            self.asked.append(self.start + (1 - self.start) * (now - self.began) / self.ramp)
            # The first call passes, and then as many as the shares of those after it make whole.
            blocked = self.passed >= 1 + math.floor(sum(self.asked[1:]) + 1e-9)
            self.passed += not blocked
        if blocked:
            self.counts["rejected"] += 1
            return None
        self.counts["admitted"] += 1
        permit = ModelPermit(self.generation, now)
        half_open = self.state == "half_open" and not self.ramping
        (self.out if half_open else self.flying).append(permit)
        return permit

    @property
    def ramping(self) -> bool:
        return self.ramp is not None and self.state == "half_open"

    def settle(self, permit: ModelPermit, outcome: str, now: float) -> None:
        if permit.settled:
            return
        permit.settled = True
        self.notice(now, permit, look=outcome != "ignored")
        half_open = self.state == "half_open" and not self.ramping
        if permit.generation != self.generation or (half_open and permit not in self.out):
            self.counts["stale"] += 1
            return
        self.counts[outcome] += 1
        took = now - permit.granted
        if half_open:
            self.out.remove(permit)
            if outcome != "ignored":
                self.ended.append((outcome == "failure", took))
                self.judge(now)
            return
        self.flying.remove(permit)
        if outcome != "ignored" and self.forced != "closed":
            failed_now = outcome == "failure"
            hearing = [rule for rule in self.rules if permit not in rule.early]
            for rule in hearing:
                rule.log.append((now, failed_now, took))
            if self.forced != "count" and any(
                rule.trips(now) for rule in hearing if failed_now or rule.kind != "consecutive"
            ):
                self.open(now, again=self.ramping)
