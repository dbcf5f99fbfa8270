"""Runs an inbox for the command line, until it is interrupted."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import threading
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

from ..exceptions import ImproperlyConfigured
from . import places
from .client import find
from .database import StoreInUse
from .guard import is_loopback
from .receiver import TLS
from .release import Release
from .server import InboxServer, Options


def run(args: argparse.Namespace) -> int:
    """Run an inbox until it is interrupted."""
    directory = Path.cwd()
    place = places.place_of(directory)
    server = InboxServer(_options(args, place))
    try:
        server.start()
    except StoreInUse:
        return _show_other(args, directory)
    running = places.Running(server.url, server.key, os.getpid())
    try:
        places.announce(place, running)
        _tell(args, server)
        _until_interrupted()
    finally:
        places.withdraw(place, running)
        server.stop()
    return 0


def _options(args: argparse.Namespace, place: places.Place) -> Options:
    token = args.token
    if token is None and not all(is_loopback(host) for host, _ in (args.smtp, args.http)):
        token = secrets.token_urlsafe(16)
    return Options(
        http=args.http,
        smtp=args.smtp,
        tls=_tls(args),
        store=args.store or place.store,
        folder=args.dir,
        keep=args.keep,
        max_size=args.max_size,
        token=token,
        allow_hosts=args.allow_host,
        release=_release(args),
    )


def _release(args: argparse.Namespace) -> Release | None:
    if args.release is None:
        if args.release_allow:
            raise ValueError("--release-allow needs --release, the mailer to release through")
        return None
    try:
        return Release(args.release, args.release_allow)
    except ImproperlyConfigured as error:
        # The reader wrote a flag, and no MAILERS.
        text = str(error).removeprefix("MAILERS['release']: ")
        raise ValueError(f"--release can't be used: {text}") from error


def _tls(args: argparse.Namespace) -> TLS | None:
    if args.smtp_keyfile and not args.smtp_certfile:
        raise ValueError("--smtp-keyfile needs --smtp-certfile, the certificate of this key")
    is_wanted = args.smtp_starttls or args.smtp_certfile
    return TLS(args.smtp_certfile, args.smtp_keyfile) if is_wanted else None


def _tell(args: argparse.Namespace, server: InboxServer) -> None:
    http, smtp = (_taken(*each) for each in ((args.http, server.url), (args.smtp, server.smtp_url)))
    _say(args, f"The inbox is at {server.address}{http}")
    _say(args, f"To send mail to it, set EMAIL_URL={server.smtp_url}{smtp} (Ctrl-C ends the inbox)")
    if args.open:
        webbrowser.open(server.address)


def _taken(asked: tuple[str, int], url: str) -> str:
    """Return a note if it isn't the port that was asked for."""
    port = asked[1]
    return f" (port {port} is taken)" if port not in (0, urlsplit(url).port) else ""


def _show_other(args: argparse.Namespace, directory: Path) -> int:
    other = None if args.store else find(directory)
    if other is None:
        raise StoreInUse(f"Another inbox has {args.store or 'the store of this directory'} open")
    if args.dir:
        raise StoreInUse(
            f"The inbox of this directory is already running at {other.url}/, without "
            f"{args.dir}; stop it, or use another --store FILE"
        )
    _say(args, f"The inbox of this directory is already running: {other.url}/")
    if args.open:
        webbrowser.open(other.url)
    return 0


def _say(args: argparse.Namespace, text: str) -> None:
    if not args.quiet:
        print(text, flush=True)


def _until_interrupted() -> None:
    """Return on Ctrl-C, or when the system asks the program to end."""
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        while not ended.wait(3600):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
