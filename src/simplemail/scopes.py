"""A `with` block that also decorates functions, coroutines, generators and test classes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Scope(Generic[Value]):
    """A context manager whose decorated form works wherever tests are written.

    As a decorator it enters anew for every call; on a class, for every method whose name begins
    with "test". Subclasses write `fresh()`, `__enter__()` and `__exit__()`.
    """

    def fresh(self) -> Scope[Value]:
        """Return a scope like this one that was never entered."""
        raise NotImplementedError

    def __enter__(self) -> Value:
        raise NotImplementedError

    def __exit__(self, *exc_info: object) -> None:
        raise NotImplementedError

    def __call__(self, decorated: Any) -> Any:
        if isinstance(decorated, type):
            return _wrap_tests(decorated, self)
        return _wrap(decorated, self)


def _wrap_tests(cls: type, scope: Scope[Any]) -> type:
    for name in dir(cls):
        if name.startswith("test") and callable(method := getattr(cls, name)):
            setattr(cls, name, _wrap(method, scope))
    return cls


def _wrap(function: Callable[..., Any], scope: Scope[Any]) -> Callable[..., Any]:
    import inspect

    if inspect.iscoroutinefunction(function):
        inside = _coroutine_inside(function, scope)
    elif inspect.isgeneratorfunction(function):
        inside = _generator_inside(function, scope)
    else:
        inside = _function_inside(function, scope)
    return functools.wraps(function)(inside)


def _function_inside(function: Callable[..., Any], scope: Scope[Any]) -> Callable[..., Any]:
    def inside(*args: Any, **kwargs: Any) -> Any:
        with scope.fresh():
            return function(*args, **kwargs)

    return inside


def _generator_inside(function: Callable[..., Any], scope: Scope[Any]) -> Callable[..., Any]:
    def inside(*args: Any, **kwargs: Any) -> Any:
        with scope.fresh():
            return (yield from function(*args, **kwargs))

    return inside


def _coroutine_inside(function: Callable[..., Any], scope: Scope[Any]) -> Callable[..., Any]:
    async def inside(*args: Any, **kwargs: Any) -> Any:
        with scope.fresh():
            return await function(*args, **kwargs)

    return inside
