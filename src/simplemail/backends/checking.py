"""Finds out whether a mailer can send, without sending anything: `mailer.check()`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..exceptions import ImproperlyConfigured
from ..light import NamedTuple

OK, WARNING, FAILED = "ok", "warning", "failed"


class Step(NamedTuple):
    """The result of one step of `check()`.

    - `mark`: "ok", "warning" or "failed".
    - `name`: what was done, like "Connection".
    - `detail`: what was found out.
    - `error`: what went wrong in a failed step, which is its mailer's last; else None.
    """

    mark: str
    name: str
    detail: str = ""
    error: OSError | ImproperlyConfigured | None = None


class Checkable:
    """The part of a mailer that describes it and checks whether it can send."""

    @property
    def sends(self) -> bool:
        """Do messages go to a mail server? Then they are called "sent", otherwise "handed over"."""
        return False

    def check(self, *, sender: str | None = None, recipients: Sequence[str] = ()) -> list[Step]:
        """Find out whether this mailer can send, and send nothing: for the start of a program.

        Returns what each step found out, warnings among them, and raises the error of the first
        that failed: an OSError or ImproperlyConfigured whose text names the remedy. An SMTP server
        is asked whether it takes mail from `sender` (an address; DEFAULT_FROM_EMAIL if it is left
        out) and for `recipients`; then the server forgets them (RSET). Each answer is waited for as
        long as `timeout` says, and 10 seconds at most.
        """
        steps = list(self.iter_check(sender=sender, recipients=recipients))
        for step in steps:
            if step.error is not None:
                raise step.error
        return steps

    def iter_check(
        self, *, sender: str | None = None, recipients: Sequence[str] = ()
    ) -> Iterator[Step]:
        """Yield what each step of `check()` finds out, as soon as it is known.

        `sender` and `recipients` are those of `check()`. A step that failed doesn't raise: it has
        the error. A backend of your own overrides this.
        """
        promise = type(self).__doc__ or "There is nothing to check."
        yield Step(OK, "Mailer", promise.strip().partition("\n")[0])

    def describe(self) -> str:
        """Say where messages go, for people to read, without user and password."""
        return f"{type(self).__module__}.{type(self).__qualname__}"
