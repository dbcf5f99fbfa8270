"""The actions of `simplemail queue` that show something."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..rendering.readable import escaped
from .queue_of import duration, queue_of
from .terminal import Listener, complain, one_line, say
from .usage import DONE, NOT_SENT

if TYPE_CHECKING:
    from ..queue import Event, Health, Queued


def add_no_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: this action needs no arguments."""


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _print_json(value: Any) -> None:
    say(json.dumps(value, indent=2, default=_as_json))


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} can't be written as JSON")


# status


def add_status_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `status`."""
    _add_json(parser)
    parser.add_argument(
        "--max-age",
        type=duration,
        metavar="AGE",
        help="mail that has been ready for longer is a problem; like 10m",
    )


def status(args: argparse.Namespace, listener: Listener) -> int:
    """Say how the queue is doing."""
    queue = queue_of(args)
    health = queue.health(max_age=args.max_age)
    if args.json:
        workers = [worker._asdict() for worker in health.workers]
        mailers = [mailer._asdict() for mailer in health.mailers]
        _print_json({**health._asdict(), "workers": workers, "mailers": mailers})
    else:
        _show_health(queue.path, health)
    for problem in [] if args.json else health.problems:
        complain(problem)
    return NOT_SENT if health.problems else DONE


def _show_health(path: str, health: Health) -> None:
    say(f"Queue {path}")
    for state, count in health.counts.items():
        if count:
            say(f"  {state:<10} {count:>9,}")
    if not any(health.counts.values()):
        say("  nothing in it")
    if health.oldest is not None:
        say(f"The oldest message that is ready waits for {health.oldest:.0f} s.")
    for worker in health.workers:
        say(f"Worker: pid {worker.pid} on {worker.host}, since {_time(worker.started)}")
    if not health.workers:
        say("No worker runs.")


# list


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `list`."""
    add = parser.add_argument
    add("state", nargs="?", metavar="STATE", help="those in this state")
    add("--to", metavar="ADDRESS", help="those to this recipient")
    add("--tag", help="those with this tag")
    add("--older", type=duration, metavar="AGE", help="those that were queued longer ago, like 1h")
    add("--limit", type=int, default=100, metavar="N", help="at most this many (default: 100)")
    _add_json(parser)


def list_messages(args: argparse.Namespace, listener: Listener) -> int:
    """List messages, the oldest first."""
    found = queue_of(args).find(
        state=args.state, to=args.to, tag=args.tag, older=args.older, limit=args.limit
    )
    if args.json:
        _print_json([each._asdict() for each in found])
        return DONE
    for each in found:
        to = ", ".join(each.recipients[:3]) + (", ..." if len(each.recipients) > 3 else "")
        why = each.error or each.reply
        line = f"{each.id:>7}  {each.state:<9} {_time(each.created)}  {to}"
        say(escaped(f"{line}  {one_line(why)}" if why else line))
    return DONE


# show


def add_show_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `show`."""
    parser.add_argument("id", type=int, metavar="ID", help="the number of the message")
    parser.add_argument("--content", action="store_true", help="also show the content")
    _add_json(parser)


def show(args: argparse.Namespace, listener: Listener) -> int:
    """Show all about one message."""
    queue = queue_of(args)
    found = queue.get(args.id)
    if found is None:
        complain(f"There is no message {args.id}")
        return NOT_SENT
    envelope = queue.envelope(args.id) if args.content else None
    content = envelope.content.decode("utf-8", "replace") if envelope else None
    events = queue.attempts(args.id)
    if args.json:
        shown = {**found._asdict(), "attempts": [event._asdict() for event in events]}
        _print_json(shown | ({"content": content} if args.content else {}))
        return DONE
    _show_fields(found)
    _show_events(events)
    if args.content:
        say("")
        sys.stdout.write(escaped(content) if content else "Its content was deleted.\n")
    return DONE


def _show_fields(found: Queued) -> None:
    for name, value in found._asdict().items():
        if value in (None, "", (), {}) or name in ("already", "remaining", "answers"):
            continue
        say(f"{name:<14} {one_line(_shown(value))}")
    for recipient, answer in found.answers.items():
        left = " (to be served)" if recipient in found.remaining else ""
        say(f"{'answer':<14} {one_line(f'{recipient}: {answer}{left}')}")


def _show_events(events: Iterable[Event]) -> None:
    for event in events:
        why = event.error or event.reply
        say(f"{_time(event.at)}  {event.kind}{f': {one_line(why)}' if why else ''}")


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return _time(value)
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _time(moment: datetime) -> str:
    """Return a time in this machine's time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


# check


def check(args: argparse.Namespace, listener: Listener) -> int:
    """Check the queue's file."""
    problems = queue_of(args).check()
    for problem in problems:
        complain(problem)
    if not problems:
        say("The file is sound.")
    return NOT_SENT if problems else DONE
