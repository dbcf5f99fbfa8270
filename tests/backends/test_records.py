"""Files hold whole mails or none of them, whatever the disk, the directory or others do."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simplemail import EmailMessage, Status, get_connection
from simplemail.backends import records
from simplemail.backends.filebased import EmailBackend
from simplemail.testing.contract import a_message

SEPARATOR = b"\n" + b"-" * 79 + b"\n"

posix = pytest.mark.skipif(os.name != "posix", reason="limits and links as POSIX has them")


@pytest.fixture(params=["log", "eml"])
def kind(request):
    return request.param


def big_message() -> EmailMessage:
    return a_message(subject="big", body="x" * 70 + "\n" + "y" * 40_000)


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


FULL_DISK = """
import resource, signal, sys
from simplemail import Status, get_connection
from simplemail.testing.contract import a_message

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
mailer = get_connection("file", file_path=sys.argv[1], format=sys.argv[2])
mailer.open()
small, big = a_message(subject="small"), a_message(subject="big", body="y" * 40_000)
assert [each.status for each in mailer.deliver([small])] == [Status.SENT]
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
[receipt] = mailer.deliver([big])
assert receipt.status is Status.DEFERRED, receipt
print(receipt.error)
assert [each.status for each in mailer.deliver([small])] == [Status.SENT]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
assert [each.status for each in mailer.deliver([big])] == [Status.SENT]
mailer.close()
"""


@posix
def test_a_full_disk_leaves_nothing_of_the_mail_that_did_not_fit(tmp_path, kind):
    """The system takes a part of it, then no more. A retry, which the receipt allows, is whole."""
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), kind],
        # Or a compiled module ends at the limit, too, and whoever shares it fails.
        env={**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert (
        "The mail was not written: File too large; the file has reached the size limit"
        in done.stdout
    )
    assert str(tmp_path) in done.stdout
    if kind == "log":
        [path] = tmp_path.iterdir()
        mails = path.read_bytes().split(SEPARATOR)
        assert mails.pop() == b""
    else:
        assert all(name.endswith(".eml") for name in files(tmp_path))
        mails = [(tmp_path / name).read_bytes() for name in files(tmp_path)]
    subjects = [re.findall(rb"(?m)^Subject: (\w+)", mail) for mail in mails]
    assert subjects == [[b"small"], [b"small"], [b"big"]]
    assert mails[-1].count(b"y") > 40_000


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError, OSError(errno.ENOSPC, "full")])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_interrupted_write_leaves_nothing(tmp_path, kind, monkeypatch, error, after):
    """Also between the system's write and the count of what it wrote."""
    mailer = EmailBackend(file_path=tmp_path, format=kind)
    mailer.open()
    mailer.send_messages([a_message()])
    write, calls = os.write, []

    def interrupted(file, content):
        calls.append(file)
        if len(calls) <= after:
            return write(file, content[:100])
        write(file, content[:50])
        raise error

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises((KeyboardInterrupt, OSError)):
        mailer.send_messages([big_message()])
    monkeypatch.undo()
    mailer.send_messages([a_message()])
    mailer.close()

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert content.count(b"Subject: Subject") == 2
    assert b"big" not in content
    assert not [name for name in files(tmp_path) if name.startswith(".")]


def test_a_shared_file_keeps_what_others_wrote_meanwhile(tmp_path, monkeypatch):
    """A file that a program names itself may have several writers."""
    path = tmp_path / "shared.log"

    class Shared(EmailBackend):
        def _get_filename(self):
            return path

    write = os.write

    def interrupted(file, content):
        write(file, content[:50])
        with path.open("ab") as other:
            other.write(b"THEIRS")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", interrupted)
    [receipt] = Shared(file_path=tmp_path).deliver([a_message()])

    assert receipt.status is Status.DEFERRED
    assert path.read_bytes().endswith(b"THEIRS")


@posix
def test_a_directory_that_vanished_is_one_clear_error(tmp_path, kind):
    mailer = EmailBackend(file_path=tmp_path / "out", format=kind)
    (tmp_path / "out").rmdir()

    with pytest.raises(FileNotFoundError, match="directory is gone: create it again") as caught:
        mailer.send_messages([a_message()])
    assert str(tmp_path / "out") in str(caught.value.filename)
    [receipt] = mailer.deliver([a_message()])
    assert receipt.retry_is_safe


@posix
def test_fail_silently_covers_a_directory_that_vanished(tmp_path, kind, caplog):
    mailer = EmailBackend(fail_silently=True, file_path=tmp_path / "out", format=kind)
    (tmp_path / "out").rmdir()

    with mailer:
        assert mailer.send_messages([a_message()]) == 0
    assert "directory is gone" in caplog.text


class TestTheSecondOpening:
    """Between them, others may have been at the file. Its name is in the directory for all."""

    @pytest.fixture
    def opened(self, tmp_path):
        mailer = EmailBackend(file_path=tmp_path)
        mailer.send_messages([a_message()])
        [path] = tmp_path.iterdir()
        return mailer, path

    @posix
    def test_follows_no_link(self, opened, tmp_path):
        mailer, path = opened
        victim = tmp_path / "victim"
        victim.write_text("secret")
        path.unlink()
        path.symlink_to(victim)

        with pytest.raises(OSError, match="symbolic link, and simplemail doesn't follow"):
            mailer.send_messages([a_message()])
        assert victim.read_text() == "secret"

    def test_trusts_no_foreign_file(self, opened):
        mailer, path = opened
        path.rename(path.with_suffix(".old"))
        path.write_text("theirs")

        with pytest.raises(FileExistsError, match="Another file has replaced it"):
            mailer.send_messages([a_message()])
        assert path.read_text() == "theirs"

    def test_makes_a_new_file_where_it_was_taken_away(self, opened):
        mailer, path = opened
        path.unlink()

        mailer.send_messages([a_message()])
        mailer.send_messages([a_message()])

        assert path.read_bytes().count(SEPARATOR) == 2


@posix
def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    class Piped(EmailBackend):
        def _get_filename(self):
            return tmp_path / "pipe"

    try:
        with pytest.raises(OSError, match="not a regular file"):
            Piped(file_path=tmp_path).send_messages([a_message()])
    finally:
        os.close(reader)


def test_eml_files_sort_in_the_order_of_sending(tmp_path, monkeypatch):
    """Across mailers, and though the clock is set back or stands still."""
    now = iter([10**18, 10**18, 10**18 - 5 * 10**9, *[10**18 + 1] * 17])
    monkeypatch.setattr("simplemail.backends.filebased._last", 0)
    monkeypatch.setattr("time.time_ns", lambda: next(now))
    for number in range(20):
        get_connection("file", file_path=tmp_path, format="eml").send_messages(
            [a_message(subject=f"n{number}")]
        )

    contents = [(tmp_path / name).read_bytes() for name in files(tmp_path)]
    subjects = [re.findall(rb"Subject: (\w+)", content)[0].decode() for content in contents]
    assert subjects == [f"n{number}" for number in range(20)]


def test_every_error_says_where(tmp_path):
    error = records.unwritable(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "a.log")

    assert error.errno == errno.ENOSPC
    assert str(error) == (
        f"[Errno {errno.ENOSPC}] The mail was not written: No space left on device; make room on "
        f"the disk, or set another 'file_path': {str(tmp_path / 'a.log')!r}"
    )
