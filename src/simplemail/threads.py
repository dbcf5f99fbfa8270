"""Runs the blocking calls of mailers in threads, for callers that must not block."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from .light import lock

Result = TypeVar("Result")

DEFAULT_SIZE = 16
"""Threads for mailers that have no `pool_size`."""


async def in_thread(
    mailer: Any, function: Callable[..., Result], *args: Any, **kwargs: Any
) -> Result:
    """Call a blocking function in one of the mailer's threads, in this task's context."""
    future = _start(mailer, function, *args, **kwargs)
    waiting = asyncio.wrap_future(future)
    # Always retrieved here, or asyncio would report an error that was never retrieved.
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError as cancelled:
        if not future.cancel():
            await ended(future)
            _note_outcome(cancelled, future)
        raise


async def ended(future: Future[Any]) -> None:
    """Wait until a thread has finished, however often this task is cancelled meanwhile."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(over.set))
    task, again = asyncio.current_task(), False
    while not over.is_set():
        try:
            await over.wait()
        except asyncio.CancelledError:
            again = True
    if again and task is not None:
        task.cancel()  # takes effect at its next step, now that the outcome is known


def _note_outcome(cancelled: asyncio.CancelledError, future: Future[Any]) -> None:
    error = future.exception()
    if error is not None:
        cancelled.error = error  # type: ignore[attr-defined]
        cancelled.add_note(f"The call had already begun, and ended with {error!r}")
    else:
        cancelled.result = future.result()  # type: ignore[attr-defined]
        cancelled.add_note(f"The call had already begun, and returned {future.result()!r}")


# Kept outside of the mailers, because each call makes a new one.
_executors: dict[tuple[str, int], ThreadPoolExecutor] = {}
_lock = lock()  # over _executors


def _start(mailer: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
    key = name, size = _name_of(mailer), int(getattr(mailer, "pool_size", DEFAULT_SIZE))
    call = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
    with _lock:
        if key not in _executors:
            _executors[key] = ThreadPoolExecutor(size, thread_name_prefix=f"simplemail-{name}")
        return _executors[key].submit(call)


def _name_of(mailer: Any) -> str:
    # By alias, so that no mailer waits for another one's dead server. Those without an alias share
    # by kind, not by instance, or there would be ever more threads.
    kind = type(mailer)
    return getattr(mailer, "alias", None) or f"{kind.__module__}.{kind.__qualname__}"


def close() -> None:
    """End the threads once they have finished. They start again when needed."""
    with _lock:
        executors = list(_executors.values())
        _executors.clear()
    for executor in executors:
        executor.shutdown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_executors.clear)  # threads don't follow into a child
