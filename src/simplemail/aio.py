"""Runs the blocking calls in threads, for asyncio.

The threads for a mailer are at most its `pool_size`, and so are its connections, however many
tasks send; only each `aiter_deliver()` has a thread and a connection more. A call that is
cancelled before a thread took it has sent nothing. One that a thread took goes on until its
outcome is known, and then raises CancelledError, whose `result` is what the call would have
returned, or whose `error` is what it would have raised.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

from .backends.handler import choose_mailer
from .backends.options import check_exclusive
from .exceptions import Secret
from .light import Addresses
from .receipts import Receipt
from .rendering.envelope import several
from .shortcuts import composed, connection_options, message_to, send_mass_mail
from .threads import close, ended, in_thread

__all__ = [
    "adeliver",
    "aiter_deliver",
    "amail_admins",
    "amail_managers",
    "asend",
    "asend_mail",
    "asend_mass_mail",
    "close",
]

_AHEAD = 64
"""Receipts that wait for whoever iterates over them."""


async def asend_mail(
    subject: object,
    message: str | None,
    from_email: object,
    recipient_list: Addresses | None,
    fail_silently: bool = False,
    auth_user: str | None = None,
    auth_password: str | None = None,
    connection: Any = None,
    html_message: str | None = None,
    *,
    using: str | None = None,
) -> int:
    """Send one message, as `send_mail()` does, without blocking the event loop.

    `subject`, `message`, `from_email`, `recipient_list`, `fail_silently`, `auth_user`,
    `auth_password`, `connection`, `html_message` and `using` are those of `send_mail()`, and so
    are the result and the exceptions.

    If the task is cancelled before a thread has taken the message, nothing is sent. After that,
    CancelledError is raised when the outcome is known: its `result` is what would have been
    returned, or its `error` what would have been raised.
    """
    auth_password = Secret.of(auth_password)
    options = connection_options(using, connection, fail_silently, auth_user, auth_password)
    mail = composed(subject, message, from_email, recipient_list, html_message)
    if any(mail.to):
        mail.connection = choose_mailer(using, connection, **options)
    return await asend(mail)


async def asend_mass_mail(
    datatuple: Iterable[Sequence[Any]],
    fail_silently: bool = False,
    auth_user: str | None = None,
    auth_password: str | None = None,
    connection: Any = None,
    *,
    using: str | None = None,
) -> int:
    """Send many messages, as `send_mass_mail()` does, without blocking the event loop.

    `datatuple`, `fail_silently`, `auth_user`, `auth_password`, `connection` and `using` are those
    of `send_mass_mail()`, and so are the result and the exceptions. `datatuple` is read in a
    thread. A cancelled task ends as that of `asend_mail()` does.
    """
    auth_password = Secret.of(auth_password)
    options = connection_options(using, connection, fail_silently, auth_user, auth_password)
    mailer = choose_mailer(using, connection, **options)
    return await in_thread(mailer, send_mass_mail, datatuple, connection=mailer)


async def amail_admins(
    subject: object,
    message: str | None,
    fail_silently: bool = False,
    connection: Any = None,
    html_message: str | None = None,
    *,
    using: str | None = None,
) -> None:
    """Send one message to ADMINS, as `mail_admins()` does, without blocking the event loop.

    `subject`, `message`, `fail_silently`, `connection`, `html_message` and `using` are those of
    `mail_admins()`, and so are the exceptions. A cancelled task ends as that of `asend_mail()`.
    """
    check_exclusive(using=using, connection=connection, fail_silently=fail_silently)
    mail = message_to("ADMINS", subject, message, html_message, connection)
    if mail is not None:
        await asend(mail, fail_silently, using=using)


async def amail_managers(
    subject: object,
    message: str | None,
    fail_silently: bool = False,
    connection: Any = None,
    html_message: str | None = None,
    *,
    using: str | None = None,
) -> None:
    """Send one message to MANAGERS, as `mail_managers()` does, without blocking the event loop.

    `subject`, `message`, `fail_silently`, `connection`, `html_message` and `using` are those of
    `mail_admins()`, and so are the exceptions. A cancelled task ends as that of `asend_mail()`.
    """
    check_exclusive(using=using, connection=connection, fail_silently=fail_silently)
    mail = message_to("MANAGERS", subject, message, html_message, connection)
    if mail is not None:
        await asend(mail, fail_silently, using=using)


async def asend(message: Any, fail_silently: bool = False, *, using: str | None = None) -> int:
    """Send `message`, as its own `send()` does, without blocking the event loop.

    `fail_silently` and `using` are those of `send()`, and so are the result and the exceptions.
    A cancelled task ends as that of `asend_mail()` does.
    """
    mailer = message.connection
    if mailer is None and message.recipients() and not message.has_own_connection():
        mailer = choose_mailer(using, None, fail_silently=fail_silently)
    sent: int = await in_thread(mailer, message.send, fail_silently, using=using)
    return sent


async def adeliver(messages: Iterable[Any], *, using: str | None = None) -> list[Receipt]:
    """Send messages, as `deliver()` does, without blocking the event loop.

    - `messages`: any iterable of messages, envelopes or messages of Python's `email` package. It
      is read in a thread.
    - `using`: the alias of a mailer in the setting MAILERS; without it, the default mailer.

    Returns a list with one `Receipt` for each message, in the same order. A cancelled task ends
    as that of `asend_mail()` does.
    """
    mailer = choose_mailer(using, None)
    receipts: list[Receipt] = await in_thread(mailer, mailer.deliver, messages)
    return receipts


async def aiter_deliver(
    messages: Iterable[Any] | AsyncIterable[Any], *, using: str | None = None
) -> AsyncIterator[Receipt]:
    """Send messages, as `iter_deliver()` does, without blocking the event loop.

    - `messages`: an async iterable, or any other iterable, which is read in a thread. At most 64
      receipts wait for you; no further messages are taken until you ask for one of them.
    - `using`: the alias of a mailer in the setting MAILERS; without it, the default mailer.

    Yields one `Receipt` for each message, in the same order, as soon as its fate is known.

    To stop early, leave the loop under `contextlib.aclosing()`. Messages on their way are
    finished; an async iterable is cancelled and closed.
    """
    mailer = choose_mailer(using, None)
    stream = _Stream(messages)
    # Not one of the mailer's threads: whoever iterates may need those for each receipt.
    thread = ThreadPoolExecutor(1, thread_name_prefix="simplemail-stream")
    future = thread.submit(contextvars.copy_context().run, stream.run, mailer)
    try:
        async for receipt in stream:
            yield receipt
    finally:
        stream.stop()
        await ended(future)
        thread.shutdown()
        await stream.close_source()
    future.result()


class _Stream:
    """Receipts on their way from a thread to a task."""

    def __init__(self, messages: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._messages = messages
        self._loop = asyncio.get_running_loop()
        self._receipts: asyncio.Queue[Receipt | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._is_stopped = False
        self._source: Any = None
        self._asking: asyncio.Task[Any] | None = None

    def run(self, mailer: Any) -> None:
        """Deliver, in the thread."""
        try:
            for receipt in mailer.iter_deliver(self._wanted()):
                self._tell(receipt)
        finally:
            self._tell(None)

    def stop(self) -> None:
        """Take no more messages, and don't wait for any."""
        self._is_stopped = True
        self._room.release()
        if self._asking is not None:
            self._asking.cancel()

    async def close_source(self) -> None:
        """Close an async source that can be closed, after the thread has ended."""
        if hasattr(self._source, "aclose"):
            await self._source.aclose()

    async def __aiter__(self) -> AsyncIterator[Receipt]:
        while (receipt := await self._receipts.get()) is not None:
            self._room.release()
            yield receipt

    def _tell(self, receipt: Receipt | None) -> None:
        self._loop.call_soon_threadsafe(self._receipts.put_nowait, receipt)

    def _wanted(self) -> Iterator[Any]:
        messages = self._messages
        if isinstance(messages, AsyncIterable):
            messages = self._awaited(messages)
        for message in several(messages):
            self._room.acquire()
            if self._is_stopped:
                return
            yield message

    def _awaited(self, messages: AsyncIterable[Any]) -> Iterator[Any]:
        source = self._source = messages.__aiter__()
        while (message := self._wait_for_next(source)) is not None:
            yield message

    def _wait_for_next(self, source: AsyncIterator[Any]) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(self._ask(source), self._loop).result()
        except CancelledError:
            if self._is_stopped:
                return None
            raise

    async def _ask(self, source: AsyncIterator[Any]) -> Any:
        if self._is_stopped:
            return None
        self._asking = asyncio.current_task()
        return await anext(source, None)
