"""What goes wrong: faults by kind, each for a while, on a service, a call or a client group.

A new fault is one class here and one line in `FAULTS`. Faults only describe; the conditions at a
moment are derived from them elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from simcb.scenario.distributions import AnyDistribution, Constant
from simcb.scenario.fields import Model
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import (
    FROM_FILE,
    LINK,
    Count,
    Flag,
    Name,
    Number,
    Portion,
    PositiveSeconds,
    Seconds,
    seen,
    word,
)
from simcb.scenario.units import format_duration

MOST_REPLICAS = 1000  # the most replicas of one service
GREATEST_TIMES = 1e6  # the greatest multiple a fault may cause
MOST_REPEATS = 100_000  # the most windows of one fault that comes again and again

Times = Annotated[float, Number(most=GREATEST_TIMES)]


ON = re.compile(f"{Name.pattern}({LINK}{Name.pattern})?")
"""What a fault's `on` may be: a name, or one call as `CALLER->SERVICE`."""


def _on(value: object) -> str:
    """Return the name or the call, or say what they look like."""
    if isinstance(value, str) and ON.fullmatch(value):
        return value
    remedy = "write the name of a service, or a call like `shop->payments`"
    if isinstance(value, str) and ON.fullmatch(tight := re.sub(r"\s", "", value)):
        remedy = f"write `{tight}`, without blanks"
    raise Refused(f"{seen(value)} names nothing that can be struck", remedy)


FaultTarget = Annotated[
    str, PlainValidator(_on), WithJsonSchema({"type": "string", "pattern": f"^{ON.pattern}$"})
]


class Target(StrEnum):
    """What a fault's `on` names."""

    SERVICE = "service"
    CLIENTS = "client group"


class Repeat(Model):
    """A fault that comes `times` times in all, its beginnings `every` so long."""

    every: Annotated[PositiveSeconds, word("from one beginning to the next, seconds", "30s")]
    times: Annotated[int, Count(1, MOST_REPEATS), word("how often it comes in all", "4")]


class Fault(Model):
    """Base of all faults: where, when, for how long, and for what share.

    `target` is what `on` names; `on_links` whether it may also name a call,
    `CALLER->SERVICE`; `not_for_this` are the common words that mean nothing to the kind.
    """

    target: ClassVar[Target] = Target.SERVICE
    on_links: ClassVar[bool] = False
    not_for_this: ClassVar[tuple[str, ...]] = ()

    kind: str
    on: Annotated[
        FaultTarget,
        word(
            "the service it strikes, or one call of it as CALLER->SERVICE "
            "(for a surge: the client group)",
            "payments",
        ),
    ]
    at: Annotated[
        AnyDistribution,
        word("when it begins, seconds; a distribution is drawn from once in each run", "1m"),
    ]
    lasts: AnyDistribution = Field(
        validation_alias="for",
        serialization_alias="for",
        description="how long it lasts, seconds; a distribution is drawn from once in each run",
        examples=["2m"],
    )
    replicas: Annotated[
        tuple[Annotated[int, Count(most=MOST_REPLICAS - 1)], ...] | None,
        word("the replicas it strikes, counted from 0; all if absent", "[1]"),
    ] = None
    share: Annotated[Portion, word("share of attempts it strikes", "20%")] = 1.0
    sticky: Annotated[
        Flag, word("whether the share is always the same users, not each attempt by lot", "true")
    ] = False
    ramp: Annotated[
        Seconds,
        word("how long it takes to grow to its strength and, at its end, to fade, seconds", "10s"),
    ] = 0.0
    repeat: Annotated[
        Repeat | None, word("whether it comes again and again", "{every: 30s, times: 4}")
    ] = None
    name: Annotated[
        Annotated[str, Name()] | None, word("its name in tables and plots", "outage")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _python_spelling(cls, data: object, info: ValidationInfo) -> object:
        # `for` cannot be a keyword argument; in a file `lasts` is no word of ours.
        if info.context == FROM_FILE or not isinstance(data, Mapping) or "lasts" not in data:
            return data
        return {("for" if key == "lasts" else key): value for key, value in data.items()}

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        lasts = self.lasts.mean_value
        if 2 * self.ramp > lasts:
            raise Refused(
                "goes in and out for longer than the fault lasts",
                "write a ramp of half of `for` or less",
                "ramp",
            )
        if self.replicas is not None and not self.replicas:
            raise Refused("is empty", "name a replica like `[0]`, or leave it out", "replicas")
        if self.replicas is not None and len(set(self.replicas)) != len(self.replicas):
            raise Refused("names a replica twice", "write each replica once", "replicas")
        for key in self.not_for_this:
            if getattr(self, key) != type(self).model_fields[key].default:
                raise Refused(f"means nothing to {self.kind}", "leave it out", key)
        if self.sticky and "share" not in self.model_fields_set:
            raise Refused(
                "keeps a share the same, and no share is given",
                "add a share like `share: 20%`",
                "sticky",
            )
        if self.repeat is not None and self.repeat.every < lasts:
            raise Refused(
                "comes again before the last time is over",
                f"write `every: {format_duration(lasts)}` or more",
                "repeat",
            )
        return self

    @property
    def link(self) -> tuple[str, str] | None:
        """The (caller, service) whose call it strikes; None if it strikes a whole service."""
        caller, arrow, service = self.on.partition(LINK)
        return (caller, service) if arrow else None

    @property
    def service(self) -> str:
        """The service it strikes, for all its callers or one (for a surge: the client group)."""
        return self.on.rpartition(LINK)[2]

    @property
    def by_lot(self) -> bool:
        """True if when it begins, or how long it lasts, is drawn anew in each run."""
        return not (isinstance(self.at, Constant) and isinstance(self.lasts, Constant))

    def drawn(self, at: float, lasts: float) -> Fault:
        """Return the fault as one run has it: with a begin and a length in seconds.

        A length that was drawn ends when the fault comes again at the latest, and a ramp takes
        half of it at most.
        """
        if self.repeat is not None:
            lasts = min(lasts, self.repeat.every)
        times = {"at": Constant(value=at), "lasts": Constant(value=lasts)}
        return self.model_copy(update={**times, "ramp": min(self.ramp, lasts / 2.0)})

    @property
    def windows(self) -> tuple[tuple[float, float], ...]:
        """Every (start, end) in which it strikes while start ≤ t < end, in seconds.

        They are those of the means where times are drawn anew in each run.
        """
        if self.repeat is None:
            return ((self.at.mean_value, self.until),)
        return tuple(self._window(self.repeat.every, index) for index in range(self.repeat.times))

    @property
    def until(self) -> float:
        """The moment it is over for good, in seconds: the end of its last window."""
        if self.repeat is None:
            return self.at.mean_value + self.lasts.mean_value
        return self._window(self.repeat.every, self.repeat.times - 1)[1]

    def _window(self, every: float, index: int) -> tuple[float, float]:
        """Return one window; those that adjoin share their border to the last bit."""
        at, lasts = self.at.mean_value, self.lasts.mean_value
        start, following = (at + count * every for count in (index, index + 1))
        return start, following if every == lasts else min(start + lasts, following)


class Latency(Fault):
    """Work takes `times` as long, and `add` more; on a link only the work for that caller.

    It is the service that is slow, not the way to it: a worker is held all the while. A slow
    wire is the `network` of a call, or, for a while, this on a link whose service has workers
    to spare: then callers cannot tell the two apart.
    """

    on_links: ClassVar[bool] = True

    kind: Literal["latency"] = "latency"
    add: Annotated[
        Seconds | None,
        word(
            "extra work for each attempt, seconds; it holds a worker of the service, on "
            "a link too (a slow wire, which holds none, is the `network` of a call)",
            "200ms",
        ),
    ] = None
    times: Annotated[
        Times | None, word("multiple of the usual work, for all of which a worker is held", "3")
    ] = None

    @model_validator(mode="after")
    def _does_something(self) -> Latency:
        if self.add is None and self.times is None:
            raise Refused(
                "says neither how much nor how many times", "add `add: 200ms` or `times: 3`"
            )
        return self

    @property
    def added(self) -> float:
        """Extra seconds, 0 if not given."""
        return 0.0 if self.add is None else self.add

    @property
    def multiplied(self) -> float:
        """Multiple of the usual time, 1 if not given."""
        return 1.0 if self.times is None else self.times


class Errors(Fault):
    """A share of the answers fails, after the usual time."""

    on_links: ClassVar[bool] = True

    kind: Literal["errors"] = "errors"
    rate: Annotated[Portion, word("share of answers that fail", "30%")]


class Hang(Fault):
    """Work never ends while the fault lasts, and holds its worker."""

    on_links: ClassVar[bool] = True

    kind: Literal["hang"] = "hang"


class Refuse(Fault):
    """Connections are refused at once, as by a crashed process."""

    on_links: ClassVar[bool] = True

    kind: Literal["refuse"] = "refuse"


class Capacity(Fault):
    """Only a part of the workers is left, and does that part of the work.

    Where the part is no whole number of workers, one more is left and all of them are slower by
    as much as it takes: a fifth of one worker is one that takes five times as long, half of
    three are two at three quarters of their speed. Work under way is slower, too, and a worker
    that waits for its calls is held the longer.
    """

    not_for_this: ClassVar[tuple[str, ...]] = ("share", "sticky")

    kind: Literal["capacity"] = "capacity"
    times: Annotated[
        float,
        Number(most=1.0),
        word("part of the workers' throughput that is left, 0 to 1", "0.25"),
    ]


class Pause(Fault):
    """Nothing is served and everything queues: a garbage collection, a frozen machine."""

    not_for_this: ClassVar[tuple[str, ...]] = ("share", "sticky", "ramp")

    kind: Literal["pause"] = "pause"


class Restart(Fault):
    """Connections are refused while it lasts; its queue and the work under way are lost."""

    not_for_this: ClassVar[tuple[str, ...]] = ("share", "sticky", "ramp")

    kind: Literal["restart"] = "restart"


class Cold(Fault):
    """Work takes `times` as long until `successes` were served: a cache that fills again."""

    not_for_this: ClassVar[tuple[str, ...]] = ("share", "sticky", "ramp")

    kind: Literal["cold"] = "cold"
    times: Annotated[
        float, Number(least=1.0, most=GREATEST_TIMES), word("multiple of the usual time", "5")
    ]
    successes: Annotated[
        int, Count(least=1), word("answers after which everything is as usual", "1000")
    ]


class Loss(Fault):
    """The network loses a share of the attempts: their callers see their timeouts."""

    on_links: ClassVar[bool] = True

    kind: Literal["loss"] = "loss"


class Flush(Fault):
    """The caches in front of calls of the service are empty, and keep nothing until it is over.

    On a link it is the cache of that caller; `share` is the share of the keys that are lost.
    """

    on_links: ClassVar[bool] = True
    not_for_this: ClassVar[tuple[str, ...]] = ("sticky", "ramp", "replicas")

    kind: Literal["flush"] = "flush"


class Surge(Fault):
    """A client group sends `times` its usual rate."""

    target: ClassVar[Target] = Target.CLIENTS
    not_for_this: ClassVar[tuple[str, ...]] = ("share", "sticky", "replicas")

    kind: Literal["surge"] = "surge"
    times: Annotated[Times, word("multiple of the usual rate", "3")]


FAULTS: dict[str, type[Fault]] = {
    "latency": Latency,
    "errors": Errors,
    "hang": Hang,
    "refuse": Refuse,
    "capacity": Capacity,
    "pause": Pause,
    "restart": Restart,
    "cold": Cold,
    "loss": Loss,
    "flush": Flush,
    "surge": Surge,
}


def label_of(kind: str, on: str | None, name: str | None) -> str:
    """Return a fault's name, or else `kind:on`, or its kind alone."""
    return name or (kind if on is None else f"{kind}:{on}")


def numbered(labels: Iterable[str]) -> list[str]:
    """Return labels, with `#2`, `#3` behind later ones alike."""
    met: Counter[str] = Counter()
    found = []
    for label in labels:
        met[label] += 1
        found.append(label if met[label] == 1 else f"{label}#{met[label]}")
    return found


def written_labels(faults: Iterable[object]) -> list[str]:
    """Return the labels of faults in plain data: of what has no kind its name, if it has one."""
    return numbered(_written_label(each) if isinstance(each, Mapping) else "" for each in faults)


def _written_label(fault: Mapping[str, object]) -> str:
    name = str(fault.get("name") or "")
    on = str(fault["on"]) if fault.get("on") else None
    return label_of(str(fault["kind"]), on, name) if "kind" in fault else name
