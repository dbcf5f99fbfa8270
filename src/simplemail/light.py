"""Stand-ins for what takes longer to load than a mail to send: `typing`, and compiled patterns.

Static checkers see the real ones, so the other modules import from here whatever they check with.
"""

from __future__ import annotations

from collections import namedtuple

__all__ = ["TYPE_CHECKING", "Any", "Generic", "NamedTuple", "Protocol", "TypeVar", "pattern"]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from re import compile as pattern
    from typing import Any, Generic, NamedTuple, Protocol, TypeVar
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

    Protocol = Any = object

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
