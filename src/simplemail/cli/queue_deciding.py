"""The actions of `simplemail queue` that change something."""

from __future__ import annotations

import argparse

from .queue_of import duration, queue_of
from .terminal import Listener, complain, say
from .usage import DONE, NOT_SENT, UsageError

_DONE = {
    "retry": "will be tried again",
    "resend": "will be sent again",
    "hold": "held",
    "release": "released",
    "cancel": "cancelled",
    "settle": "settled",
}


def add_ids(parser: argparse.ArgumentParser) -> None:
    """Add the messages that an action is for."""
    parser.add_argument("id", nargs="+", type=int, metavar="ID", help="the number of a message")


def add_settle_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the messages, and which of two answers."""
    add_ids(parser)
    answer = parser.add_mutually_exclusive_group(required=True)
    answer.add_argument("--sent", action="store_true", help="they were sent")
    answer.add_argument("--not-sent", action="store_true", help="they were not, and won't be")


def decide(args: argparse.Namespace, listener: Listener) -> int:
    """Retry, resend, hold, release or cancel messages."""
    return _report(args, getattr(queue_of(args), args.action)(*args.id))


def settle(args: argparse.Namespace, listener: Listener) -> int:
    """Say whether messages were sent."""
    return _report(args, queue_of(args).settle(*args.id, sent=args.sent))


def _report(args: argparse.Namespace, done: list[int]) -> int:
    """Say for which messages it was done, and why not for the others."""
    for id_ in done:
        say(f"Message {id_}: {_DONE[args.action]}")
    left = [id_ for id_ in dict.fromkeys(args.id) if id_ not in done]
    for id_ in left:
        found = queue_of(args).get(id_)
        if found is None:
            complain(f"There is no message {id_}")
        else:
            complain(
                f"Message {id_} is {found.state}, and `{args.action}` doesn't apply to that state"
            )
    return NOT_SENT if left else DONE


def add_mailer(parser: argparse.ArgumentParser) -> None:
    """Add the mailer that an action is for."""
    parser.add_argument(
        "name", nargs="?", metavar="MAILER", help="its alias (default: the one of this queue)"
    )


def pause(args: argparse.Namespace, listener: Listener) -> int:
    """Send nothing more through a mailer."""
    queue = queue_of(args)
    queue.pause(_mailer(args, queue.mailer))
    say("Paused. `simplemail queue resume` continues.")
    return DONE


def resume(args: argparse.Namespace, listener: Listener) -> int:
    """Send through a mailer again, also if its server failed."""
    queue = queue_of(args)
    queue.resume(_mailer(args, queue.mailer))
    say("Resumed.")
    return DONE


def _mailer(args: argparse.Namespace, own: str) -> str:
    return own if args.name is None else str(args.name)


def add_purge_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how old is old enough."""
    parser.add_argument(
        "--older",
        type=duration,
        required=True,
        metavar="AGE",
        help="how long ago they were sent or cancelled, like 7d",
    )


def purge(args: argparse.Namespace, listener: Listener) -> int:
    """Delete what was sent or cancelled."""
    say(f"{queue_of(args).purge(args.older)} messages deleted")
    return DONE


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the file of a backup."""
    parser.add_argument("file", metavar="FILE", help="the file of the backup")


def backup(args: argparse.Namespace, listener: Listener) -> int:
    """Copy the queue's file."""
    queue_of(args).backup(args.file)
    say(f"Copied to {args.file}")
    return DONE


def restore(args: argparse.Namespace, listener: Listener) -> int:
    """Make the queue's file of a backup."""
    queue = queue_of(args)
    if queue.path == args.file:
        raise UsageError("The backup is at the queue's own path; move it away first")
    restored = type(queue).restore(args.file, queue.path)
    held = restored.counts()["held"]
    say(f"Restored. {held} messages are held: `simplemail queue release` sends them.")
    return DONE
