"""A document's measures as OpenMetrics text, for a push gateway or a textfile collector.

Each metric is a gauge, `simcb_` before its name and its unit behind it if that is seconds or a
ratio; an interval is two more, `_lower` and `_upper`. What is undefined is left out. Whatever
was studied, `simcb_check_passed` is 1 or 0 for each of its checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from simcb.views.document import CheckResult, Document, Measure
from simcb.views.safe_text import one_line

_UNITS = {"s": "seconds", "share": "ratio"}
_LONGEST = 400


def as_openmetrics(document: Document) -> str:
    """Return the document's measures as text that ends with `# EOF`."""
    families: dict[str, list[str]] = {}
    tags = {f"tag_{key}": value for key, value in document.tags.items()}
    for measure in (*_checked(document.checks), *document.measures()):
        labels = _labels({**measure.labels, **tags})
        ends = (("", measure.value), ("_lower", measure.low), ("_upper", measure.high))
        for end, value in ends:
            if value is not None:
                lines = families.setdefault(measure.name + end, [*_head(measure, end)])
                lines.append(f"{_name(measure, end)}{labels} {_number(value)}")
    lines = [*chain.from_iterable(families.values()), "# EOF"]
    return "".join(f"{line}\n" for line in lines)


def _checked(checks: Sequence[CheckResult]) -> Iterator[Measure]:
    """Yield whether each check passed; of several that are called the same, whether all did."""
    passed: dict[tuple[str, str], bool] = {}
    for check in checks:
        key = check.group, check.name
        passed[key] = passed.get(key, True) and not check.problem
    for (group, name), good in passed.items():
        labels = {"group": group, "check": name}
        yield Measure("check_passed", "", "Whether a check passed.", labels, float(good))


def _name(measure: Measure, end: str) -> str:
    unit = _UNITS.get(measure.unit)
    return f"simcb_{measure.name}{end}{f'_{unit}' if unit else ''}"


def _head(measure: Measure, end: str) -> Iterator[str]:
    name, unit = _name(measure, end), _UNITS.get(measure.unit)
    about = f"{end.strip('_')} end of the 95% interval: " if end else ""
    yield f"# TYPE {name} gauge"
    if unit:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {_escaped(about + measure.about)}"


def _labels(labels: Mapping[str, str]) -> str:
    """Return labels in braces; one without a value is none."""
    pairs = (f'{key}="{_escaped(value)}"' for key, value in labels.items() if value)
    return f"{{{','.join(pairs)}}}"


def _escaped(text: str) -> str:
    return one_line(text, _LONGEST).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return repr(float(value)).replace("inf", "+Inf").replace("-+", "-")
