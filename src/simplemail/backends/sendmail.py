"""Hands messages to this machine's `sendmail` program, such as Postfix's, Exim's or msmtp."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ..receipts import Receipt, Reply, Status
from ..rendering.envelope import Envelope
from ..smtp.replies import disconnected, status_of
from .base import BaseEmailBackend
from .checking import FAILED, OK, Step
from .smtp_options import number

PLACES = ("/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/local/sbin/sendmail")
"""Where to look for the program if it isn't given."""

REPLIES = {
    64: Reply(554, "the program was called wrongly", "5.3.0"),
    65: Reply(554, "the data is wrong", "5.6.0"),
    66: Reply(554, "the input can't be read", "5.3.0"),
    67: Reply(550, "no such user", "5.1.1"),
    68: Reply(550, "no such host", "5.1.2"),
    69: Reply(451, "the service is not available", "4.3.0"),
    70: Reply(451, "the program failed", "4.3.0"),
    71: Reply(451, "the system failed", "4.3.0"),
    72: Reply(451, "a file of the system is missing", "4.3.0"),
    73: Reply(451, "the output can't be written", "4.3.0"),
    74: Reply(451, "reading or writing failed", "4.3.0"),
    75: Reply(451, "not now", "4.3.0"),
    76: Reply(451, "the other side broke the protocol", "4.5.0"),
    77: Reply(550, "not allowed", "5.7.0"),
    78: Reply(451, "the configuration is wrong", "4.3.5"),
}
"""What an exit status means (sysexits.h), as an SMTP reply: from 500 on, it is useless to retry."""

_SHOWN = 2_000
"""How many octets of the program's error output a receipt holds."""

_ABOUT_THE_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.ELOOP)
"""Reasons not to run it that are in what `program` names, and not in the machine's state."""

_ROOM = 64_000
"""Octets of recipients in one call. Linux accepts 128 kB of arguments or more, others less."""


class EmailBackend(BaseEmailBackend):
    """Hands messages to the `sendmail` program of this machine, which sends them on.

    - `program`: its path; by default /usr/sbin/sendmail, /usr/lib/sendmail, or what PATH has.
    - `arguments`: a list that comes before ours: `["-a", "gmail"]` chooses an account of msmtp.
    - `timeout`: seconds to wait for its end.

    It is called as `sendmail -i -f SENDER -- RECIPIENTS`, without a shell, and gets the message
    with LF line ends. SENT means that it ended with status 0: it has the message now. A status
    that sysexits.h doesn't have, the end by a signal, and no end within `timeout` seconds are
    UNKNOWN. `fail_silently`, `alias` and other `options` are those of `BaseEmailBackend`.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        program: str | os.PathLike[str] | None = None,
        *,
        arguments: Sequence[str] = (),
        timeout: float = 60.0,
        **options: Any,
    ) -> None:
        super().__init__(fail_silently, **options)
        self.program = os.fspath(program) if program else _found()
        self.arguments = [arguments] if isinstance(arguments, str) else [*arguments]
        self.timeout = number("timeout", timeout, float, 0.001, 1e6, alias=self.alias)

    @property
    def sends(self) -> bool:
        return True

    def describe(self) -> str:
        return f"the program {self.program}"

    def iter_check(
        self, *, sender: str | None = None, recipients: Sequence[str] = ()
    ) -> Iterator[Step]:
        if os.access(self.program, os.X_OK) and Path(self.program).is_file():
            yield Step(OK, "Program", f"{self.program} can be run")
        else:
            code = errno.EACCES if Path(self.program).exists() else errno.ENOENT
            error = self._not_run(OSError(code, os.strerror(code)))
            yield Step(FAILED, "Program", error=error)

    def deliver_rendered(self, message: Any) -> Receipt:
        try:
            # 7-bit, because not every program tells the next server that content is 8-bit.
            envelope = Envelope.of(message, eight_bit=False, utf8=True)
            _refuse_options(envelope)  # in any batch, before the first is handed over
        except Exception as error:
            return Receipt(message, status_of(error), None, {}, None, error)
        try:
            return self._in_batches(message, envelope)
        except BaseException as error:  # an interrupt; the program may have the message
            interrupted = Receipt(message, Status.UNKNOWN, envelope, error=error)
            error.receipts = [interrupted]  # type: ignore[attr-defined]  # ours, for the caller
            raise

    def _in_batches(self, message: Any, envelope: Envelope) -> Receipt:
        batches = [*_batches(envelope.recipients)]
        if len(batches) == 1:  # nearly always, and another envelope would be judged all anew
            return super().deliver_rendered(envelope)._replace(message=message)
        parts = [envelope._replace(recipients=tuple(batch)) for batch in batches]
        receipts = [super(EmailBackend, self).deliver_rendered(part) for part in parts]
        return _together(message, envelope, receipts)

    def send_envelope(self, envelope: Envelope) -> Reply:
        _refuse_options(envelope)
        with _file() as content, _file() as complaints:
            content.write(envelope.content.replace(b"\r\n", b"\n"))
            content.seek(0)
            status = self._run(envelope, content, complaints)
            return self._judge(status, _rest(content), _text_of(complaints))

    def _run(self, envelope: Envelope, content: IO[bytes], complaints: IO[bytes]) -> int | None:
        """Return the program's status; None if it didn't end in time."""
        ours = ["-i", "-f", envelope.sender, "--", *envelope.recipients]
        command = [self.program, *self.arguments, *ours]
        try:
            program = subprocess.Popen(
                [word.encode() for word in command],
                stdin=content,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
            )
        except OSError as error:
            raise self._not_run(error) from error
        try:
            return program.wait(self.timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if program.poll() is None:
                _end(program)

    def _judge(self, status: int | None, unread: int, said: str) -> Reply:
        said = f": {said}" if said else ""
        if status is None:
            raise disconnected(f"{self.program} didn't finish within {self.timeout:g} s{said}")
        if status < 0:
            name = _signal_name(-status)
            raise disconnected(f"{self.program} was killed by the signal {name}{said}")
        if status == 0 and unread:
            raise disconnected(f"{self.program} left {unread:,} octets of the message unread{said}")
        if status == 0:
            return Reply(250, f"taken by {self.program}{said}")
        if status not in REPLIES:
            what = "which says nothing about the message"
            raise disconnected(f"{self.program} ended with status {status}, {what}{said}")
        reply = REPLIES[status]
        return reply._replace(text=f"{self.program}: {reply.text} (status {status}){said}")

    def _not_run(self, error: OSError) -> OSError:
        """Say that the program can't be run, and what helps if that is about the program."""
        said = f"{self.program} can't be run: {error.strerror}"
        if error.errno in _ABOUT_THE_PROGRAM:
            said += "; install a mail server or msmtp, or give 'program'"
        return type(error)(said)


def _end(program: subprocess.Popen[bytes]) -> None:
    with suppress(PermissionError):  # of one that became another user's, as Exim does
        program.kill()
        program.wait()


def _found() -> str:
    import shutil

    places = [place for place in PLACES if os.access(place, os.X_OK)]
    return places[0] if places else shutil.which("sendmail") or PLACES[0]


def _refuse_options(envelope: Envelope) -> None:
    for address in (envelope.sender, *envelope.recipients):
        if address.startswith("-"):
            text = "begins with '-', so a program would take it for an option; quote it"
            raise ValueError(f"The address {address!r} {text}, or leave it out")


def _batches(recipients: Sequence[str]) -> Iterator[list[str]]:
    """Yield the recipients in groups that fit on a command line; at least one group."""
    batch: list[str] = []
    room = _ROOM
    for address in recipients:
        size = len(address.encode()) + 1 + 8  # its NUL, and the pointer to it
        if batch and size > room:
            yield batch
            batch, room = [], _ROOM
        batch.append(address)
        room -= size
    yield batch


def _together(message: Any, envelope: Envelope, receipts: Sequence[Receipt]) -> Receipt:
    """Return one receipt for a message that was handed over in several calls."""
    statuses = {receipt.status for receipt in receipts}
    order = (Status.UNKNOWN, Status.SENT, Status.DEFERRED, Status.REFUSED)
    status = next(status for status in order if status in statuses)
    said = next(receipt for receipt in receipts if receipt.status is status)
    each = {name: found for r in receipts for name, found in r.recipients.items()}
    refused = {
        name: found.reply or Reply(451, str(receipt.error), "4.3.0")  # the program wasn't run
        for receipt in receipts
        for name, found in receipt.recipients.items()
        if found.status in (Status.DEFERRED, Status.REFUSED)
    }
    return Receipt(message, status, envelope, refused, said.reply, said.error, "", each)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have none
        return str(number)


def _file() -> IO[bytes]:
    """Return a file without a name, in memory if possible."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("simplemail"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _rest(content: IO[bytes]) -> int:
    """Return how many octets the program didn't read. Its position in the file is also ours."""
    place = content.seek(0, os.SEEK_CUR)
    return content.seek(0, os.SEEK_END) - place


def _text_of(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    text = complaints.read(_SHOWN).decode("utf-8", "replace")
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())
