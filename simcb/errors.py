"""The one base of every error simcb raises on purpose."""

from __future__ import annotations

from typing import ClassVar, dataclass_transform


class SimcbError(Exception):
    """Something simcb refuses or reports: the value, the place, and the remedy."""


class _Field:
    """Reads one of an error's arguments; one that was not given has its default."""

    def __init__(self, place: int, default: object) -> None:
        self._place = place
        self._default = default

    def __get__(self, error: BaseException | None, owner: object = None) -> object:
        if error is None:
            return self
        args = error.args
        return args[self._place] if self._place < len(args) else self._default


@dataclass_transform(eq_default=False)
class FieldsError(SimcbError):
    """An error whose annotated fields are its arguments, in their order.

    They are given by place and kept in `args` alone, so the error can be pickled, copied and
    built again from them, as SimPy does. A subclass makes its sentence in `__str__`, so an
    error that nobody reads costs no text.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for place, field in enumerate(cls.__annotations__, len(cls._fields)):
            setattr(cls, field, _Field(place, vars(cls).get(field)))
        cls._fields += (*cls.__annotations__,)


class MissingExtraError(FieldsError, ImportError):
    """An optional library is not installed.

    It is an `ImportError` as well, whose `name` is the library's: what is optional is usually
    imported in a `try` with an `except ImportError`.

    Args:
        library: the import name that failed.
        extra: the extra of simcb that brings it.
    """

    library: str
    extra: str

    @property
    def name(self) -> str:  # type: ignore[override]
        """The import name that failed."""
        return self.library

    def __str__(self) -> str:
        return f"{self.library} is not installed; run: pip install 'simcb[{self.extra}]'"
