"""A `with` block that also decorates functions, coroutines, generators and test classes."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator

from .light import TYPE_CHECKING, Any, Generic, TypeVar, lock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import ClassVar, Self


Value = TypeVar("Value")


class Scope(Generic[Value]):
    """A context manager whose decorated form works wherever tests are written.

    As a decorator it enters anew for every call. On a `unittest.TestCase` it holds for each test
    from `setUp()` to the last cleanup; on any other class, for every method whose name begins with
    "test". A subclass's own scope lies within the one it inherits. Subclasses of this class write
    `fresh()`, `__enter__()` and `__exit__()`.
    """

    example: ClassVar[str] = ""
    """How it is written as a decorator."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if args:
            kind, name = type(args[0]).__name__, cls.__name__
            raise TypeError(f"{name} takes no {kind}; write it with parentheses: {cls.example}")
        return super().__new__(cls)

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
        if not callable(decorated):
            raise TypeError(
                f"{type(self).__name__} decorates functions and classes, not {decorated!r}"
            )
        return _wrap(decorated, [self])


def _wrap_tests(cls: type, scope: Scope[Any]) -> type:
    import inspect

    for name in _test_names(cls):
        method = inspect.getattr_static(cls, name)
        function = getattr(method, "__func__", method)  # of a static or class method
        if inspect.isfunction(function):
            wrapped = _wrap_in_class(function, scope, inherited=name not in vars(cls))
            setattr(cls, name, wrapped if method is function else type(method)(wrapped))
    return cls


def _wrap_in_class(function: Any, scope: Scope[Any], *, inherited: bool) -> Any:
    # What another decorator made of our wrapper has its attributes too, but isn't it.
    wrapper, original, scopes = getattr(function, "_in_class", (None, function, []))
    if wrapper is not function:
        original, scopes = function, []
    scopes = [*scopes, scope] if inherited else [scope, *scopes]
    wrapped: Any = _wrap(original, scopes)
    wrapped._in_class = (wrapped, original, scopes)
    return wrapped


def _test_names(cls: type) -> list[str]:
    # unittest's run() is setUp(), the test, tearDown() and the cleanups, and debug() the same for
    # debuggers. Known by its name, because importing unittest takes long.
    if any((base.__module__, base.__name__) == ("unittest.case", "TestCase") for base in cls.mro()):
        return ["run", "debug"]
    return [name for name in dir(cls) if name.startswith("test")]


def _wrap(function: Callable[..., Any], scopes: list[Scope[Any]]) -> Callable[..., Any]:
    import inspect

    if inspect.iscoroutinefunction(function):
        inside = _coroutine_inside(function, scopes)
    elif inspect.isasyncgenfunction(function):
        inside = _async_generator_inside(function, scopes)
    elif inspect.isgeneratorfunction(function):
        inside = _generator_inside(function, scopes)
    else:
        inside = _function_inside(function, scopes)
    return functools.wraps(function)(inside)


def _function_inside(function: Callable[..., Any], scopes: list[Scope[Any]]) -> Callable[..., Any]:
    def inside(*args: Any, **kwargs: Any) -> Any:
        with _entered(scopes):
            result = function(*args, **kwargs)
        # Other decorators hide that there is a coroutine function beneath them.
        return _awaited_inside(result, scopes) if isinstance(result, Coroutine) else result

    return inside


async def _awaited_inside(waiting: Coroutine[Any, Any, Any], scopes: list[Scope[Any]]) -> Any:
    with _entered(scopes):
        return await waiting


def _generator_inside(function: Callable[..., Any], scopes: list[Scope[Any]]) -> Callable[..., Any]:
    def inside(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _entered(scopes):
            return (yield from function(*args, **kwargs))

    return inside


def _coroutine_inside(function: Callable[..., Any], scopes: list[Scope[Any]]) -> Callable[..., Any]:
    async def inside(*args: Any, **kwargs: Any) -> Any:
        with _entered(scopes):
            return await function(*args, **kwargs)

    return inside


def _async_generator_inside(
    function: Callable[..., Any], scopes: list[Scope[Any]]
) -> Callable[..., Any]:
    from contextlib import aclosing

    async def inside(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with _entered(scopes):
            async with aclosing(function(*args, **kwargs)) as values:
                async for value in values:
                    yield value

    return inside


def _entered(scopes: list[Scope[Any]]) -> AbstractContextManager[None]:
    """Return a context in which all of these are entered, each anew."""
    from contextlib import ExitStack, contextmanager

    @contextmanager
    def context() -> Iterator[None]:
        with ExitStack() as stack:
            for scope in scopes:
                stack.enter_context(scope.fresh())
            yield

    return context()


class Layers:
    """Values by name, with changes to them that may be taken back in any order.

    Threads, tasks and generators don't leave their scopes in the reverse order of entering them.
    `write` gets the values whenever they change: those of the base, and over them those of each
    active change, the newest last.
    """

    def __init__(self, write: Callable[[dict[str, Any]], None], **base: Any) -> None:
        self._write = write
        self._layers = [base]
        self._lock = lock()

    def add(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Make these changes, and return what `remove()` wants to take them back."""
        with self._lock:
            self._layers.append(changes.copy())
            self._recompute()
            return self._layers[-1]

    def amend(self, changes: dict[str, Any]) -> None:
        """Make these changes for as long as the newest one lasts; for good if there is none."""
        with self._lock:
            self._layers[-1].update(changes)
            self._recompute()

    def remove(self, layer: dict[str, Any]) -> None:
        """Take this change back, with what amended it; the others stay."""
        with self._lock:
            self._layers = [each for each in self._layers if each is not layer]
            self._recompute()

    def _recompute(self) -> None:
        self._write({name: value for layer in self._layers for name, value in layer.items()})
