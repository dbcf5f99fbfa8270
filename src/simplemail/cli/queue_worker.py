"""`simplemail queue run`: a worker in a process of its own."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .queue_of import duration, queue_of
from .terminal import Listener, say, tell
from .usage import DONE

if TYPE_CHECKING:
    from ..queue import Queue, Worker

_PROGRESS = 0.2
"""Seconds between two looks at how far it is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    add = parser.add_argument
    add("--threads", type=int, default=4, metavar="N", help="messages on their way at once (4)")
    add("--batch", type=int, default=8, metavar="N", help="messages that each takes at once (8)")
    add("--drain", action="store_true", help="deliver what there is, and exit")
    add(
        "--stop-timeout",
        type=duration,
        default=30.0,
        metavar="AGE",
        help="how long to wait at the end for messages being sent (30s)",
    )
    add("-q", "--quiet", action="store_true", help="print no line for each message")


def run(args: argparse.Namespace, listener: Listener) -> int:
    """Deliver until a signal says stop, or until there is nothing left."""
    from ..queue import Worker

    queue = queue_of(args)
    worker = Worker(queue, threads=args.threads, batch=args.batch, stop_timeout=args.stop_timeout)
    shows_progress = args.drain and sys.stderr.isatty()
    if not args.quiet and not shows_progress:
        logging.getLogger("simplemail").setLevel(logging.INFO)
    with _stopped_by_signals(worker), _progress(worker, queue, shown=shows_progress):
        notify("READY=1")
        worker.drain() if args.drain else worker.run()
        notify("STOPPING=1")
    if args.drain:
        say(_summary(worker.outcomes))
    return DONE


@contextlib.contextmanager
def _stopped_by_signals(worker: Worker) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C stop the worker: the first one gracefully, a second one at once."""

    def stop(number: int, frame: Any) -> None:
        if worker.is_stopping():
            worker.stop_at_once()
        else:
            notify("STOPPING=1")
            worker.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress(worker: Worker, queue: Queue, *, shown: bool) -> Iterator[None]:
    """Show the progress in one line on the terminal."""
    if not shown:
        yield
        return
    over = threading.Event()

    thread = threading.Thread(target=_show_progress, args=[worker, queue, over], daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1)
        sys.stderr.write("\r\x1b[K")


def _show_progress(worker: Worker, queue: Queue, over: threading.Event) -> None:
    pause = _PROGRESS
    while not over.wait(pause):
        began = time.monotonic()
        with contextlib.suppress(OSError):  # of the file: the worker tells what is wrong with it
            left = queue.counts()["ready"]
            sys.stderr.write(f"\r{_summary(worker.outcomes)}, {left:,} left\x1b[K")
            sys.stderr.flush()
        # To count a million messages takes a while; most of the time is for sending them.
        pause = max(_PROGRESS, 10 * (time.monotonic() - began))


def _summary(outcomes: dict[str, int]) -> str:
    counted = [f"{count:,} {state}" for state, count in sorted(dict(outcomes).items())]
    return ", ".join(counted) or "Nothing was sent"


def notify(text: str) -> None:
    """Tell systemd how this service is doing, if it asked for that (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(text.encode(), "\0" + path[1:] if path.startswith("@") else path)
    except OSError as error:
        tell(f"Can't send {text} to NOTIFY_SOCKET: {error}")
