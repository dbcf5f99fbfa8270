"""Mail from the command line: `python -m simplemail`, or `simplemail` once it is installed."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

from .cli.commands import COMMANDS, parse
from .cli.terminal import complain, listening, nobody_reads, sentence, without_secrets
from .cli.usage import INTERRUPTED, NOT_SENT, WRONG_USAGE
from .exceptions import ImproperlyConfigured
from .rendering.readable import escaped


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors are one sentence on standard error."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        complain("Interrupted")
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and nobody_reads():
            return NOT_SENT
        if "--traceback" in arguments:
            print(escaped(without_secrets(traceback.format_exc())), end="", file=sys.stderr)
        else:
            complain(sentence(error))
        # An untrusted certificate is a ValueError too, but not wrong usage.
        wrong = isinstance(error, (ValueError, ImproperlyConfigured))
        return WRONG_USAGE if wrong and not isinstance(error, OSError) else NOT_SENT


def _run(arguments: list[str]) -> int:
    args = parse(arguments, _version)
    with listening(debug=getattr(args, "debug", False)) as listener:
        status = COMMANDS[args.command].run(args, listener)
    sys.stdout.flush()  # here, where it is expected that the reader may have gone away
    return status


def _version() -> str:
    from . import __version__  # to look it up takes longer than many a command

    return str(__version__)


if __name__ == "__main__":
    sys.exit(main())
