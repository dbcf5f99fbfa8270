"""Stand-ins for what takes longer to load than to send a mail: typing, patterns, locks, logging.

Type checkers see the real ones, so all other modules import these from here.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock
from _weakref import ref
from collections import namedtuple

__all__ = [
    "TYPE_CHECKING",
    "Addresses",
    "Any",
    "Generic",
    "NamedTuple",
    "Protocol",
    "TypeVar",
    "lock",
    "pattern",
    "tell",
]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set, ValuesView
    from re import compile as pattern
    from typing import Any, Generic, NamedTuple, Protocol, SupportsIndex, TypeVar, overload

    _Item = TypeVar("_Item", covariant=True)

    class SequenceNotStr(Protocol[_Item]):
        """A list or a tuple. Text isn't one: its `in` asks for text alone."""

        @overload
        def __getitem__(self, index: SupportsIndex, /) -> _Item: ...
        @overload
        def __getitem__(self, index: slice, /) -> Sequence[_Item]: ...
        def __contains__(self, value: object, /) -> bool: ...
        def __len__(self) -> int: ...
        def __iter__(self) -> Iterator[_Item]: ...
        def __reversed__(self) -> Iterator[_Item]: ...
        def index(self, value: Any, start: int = 0, stop: int = ..., /) -> int: ...
        def count(self, value: Any, /) -> int: ...

    Addresses = SequenceNotStr[Any] | Set[Any] | ValuesView[Any] | Iterator[Any]
    """Several addresses: any iterable of them, but never text, which is an iterable of letters."""
else:

    class _Named(type):
        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace["__annotations__"]
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            module = namespace["__module__"]
            base = namedtuple(name, fields, defaults=defaults, module=module)
            return type(name, (base,), {"__slots__": (), **namespace})

    class NamedTuple(metaclass=_Named):
        """A class of named tuples, as `typing.NamedTuple` makes them."""

    class Generic:
        """A class that may be subscripted, which says nothing at run time."""

        def __class_getitem__(cls, item: object) -> type:
            return cls

    Protocol = Any = Addresses = object

    def TypeVar(name: str, **options: object) -> str:  # noqa: N802 - typing's name
        """Return something to subscript with."""
        return name

    class pattern:  # noqa: N801 - it stands for re.compile()
        """A regular expression, of text or bytes, that is compiled when it is first used."""

        def __init__(self, text: str, flags: int = 0) -> None:
            self.pattern, self.flags = text, flags

        def __getattr__(self, name: str) -> object:
            import re

            found = getattr(re.compile(self.pattern, self.flags), name)
            setattr(self, name, found)
            return found


def tell(
    level: str,
    text: str,
    *values: object,
    to: str = "simplemail",
    error: BaseException | None = None,
) -> None:
    """Log `text % values` at a level, such as "warning", on the logger `to`.

    All log records of the package are written here. Each is one line, whatever is in the values:
    servers, files and other people's exceptions say what they like. With `error`, its traceback
    comes after the line.
    """
    import logging

    logger = logging.getLogger(to)
    number: int = getattr(logging, level.upper())
    if logger.isEnabledFor(number):
        logger.log(number, text, *map(_in_one_line, values), exc_info=error, stacklevel=2)


def _in_one_line(value: object) -> object:
    """Return a value as text on one line; numbers, and errors that are on one, as they are."""
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, BaseException) and f"{value}{value!r}".isprintable():
        return value
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())


# All locks of the package, for fork(), which has to free them.
_locks: set[ref[RLock]] = set()


def lock() -> RLock:
    """Return a new lock. All locks of the package are made here.

    They are re-entrant, because a signal handler, or a `__del__` that garbage collection calls,
    may come back in on the same thread. After `fork()` they are free in the child, unless the
    thread that forked holds them. Where gevent or eventlet have patched `threading`, they belong
    to a greenlet, as theirs do.
    """
    # threading itself would cost a millisecond at start-up.
    threading = sys.modules.get("threading")
    made: RLock = threading.RLock() if threading else RLock()
    _locks.add(ref(made, _locks.discard))
    return made


def _free_locks() -> None:
    """Free the locks that the parent's threads held: a child doesn't have these threads."""
    for reference in list(_locks):
        held = reference()
        if held is not None and not held._is_owned():  # type: ignore[attr-defined]
            held._at_fork_reinit()  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)
