from __future__ import annotations

import email
import email.policy
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from simplemail import ImproperlyConfigured, InvalidMailer, get_connection, override_settings
from simplemail.backends.filebased import EmailBackend
from simplemail.testing.contract import BackendContract, a_message

SEPARATOR = b"\n" + b"-" * 79 + b"\n"


class TestLog(BackendContract):
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path):
        self.directory = tmp_path / "out"

    def make(self, **options):
        return EmailBackend(file_path=self.directory, **options)

    def sent(self):
        return sum(path.read_bytes().count(SEPARATOR) for path in self.directory.iterdir())


class TestEml(TestLog):
    def make(self, **options):
        return EmailBackend(file_path=self.directory, format="eml", **options)

    def sent(self):
        return len(list(self.directory.glob("*.eml")))


def test_one_file_for_each_instance_reused_after_reopening(tmp_path):
    """django-compatibility 37."""
    backend = EmailBackend(file_path=tmp_path)
    assert backend.open() is True
    assert backend.open() is False
    backend.send_messages([a_message()])
    backend.close()
    backend.send_messages([a_message()])
    EmailBackend(file_path=tmp_path).send_messages([a_message()])

    counts = sorted(path.read_bytes().count(SEPARATOR) for path in tmp_path.glob("*.log"))
    assert counts == [1, 2]


def test_log_is_message_newline_dashes_newline(tmp_path):
    """django-compatibility 37."""
    EmailBackend(file_path=tmp_path).send_messages([a_message()])

    [path] = tmp_path.iterdir()
    content = path.read_bytes()
    assert content.endswith(b"\n\nText\n" + SEPARATOR)
    assert b"\r" not in content


def test_eml_holds_what_would_go_over_the_wire(tmp_path):
    EmailBackend(file_path=tmp_path, format="eml").send_messages([a_message(subject="Grüße")])

    [path] = tmp_path.glob("*.eml")
    content = path.read_bytes()
    assert email.message_from_bytes(content, policy=email.policy.default)["Subject"] == "Grüße"
    assert content.count(b"\n") == content.count(b"\r\n")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize("kind", ["log", "eml"])
def test_only_the_owner_can_read(tmp_path, kind):
    """Mode 0600, in a directory made with mode 0700."""
    before = os.umask(0)
    try:
        EmailBackend(file_path=tmp_path / "out", format=kind).send_messages([a_message()])
    finally:
        os.umask(before)

    [path] = (tmp_path / "out").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["log", "eml"])
def test_names_never_collide_between_threads(tmp_path, kind):
    def send():
        for _ in range(5):
            EmailBackend(file_path=tmp_path, format=kind).send_messages([a_message()])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list(tmp_path.iterdir())) == 40


def test_names_never_collide_between_processes(tmp_path):
    code = (
        "import simplemail, sys\n"
        "simplemail.get_connection('file', file_path=sys.argv[1], format='eml').send_messages("
        "[simplemail.EmailMessage('s', 'b', 'a@b.example', ['c@d.example'])] * 20)"
    )
    source = str(Path(__file__).parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
        for _ in range(3)
    ]

    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(list(tmp_path.iterdir())) == 60


def test_path_may_be_text_or_path_and_becomes_absolute(tmp_path, monkeypatch):
    """django-compatibility 38: str or Path, made absolute, created if needed."""
    monkeypatch.chdir(tmp_path)

    assert EmailBackend(file_path="deep/er").file_path == str(tmp_path / "deep" / "er")
    assert EmailBackend(file_path=Path("b")).file_path == str(tmp_path / "b")
    assert (tmp_path / "deep" / "er").is_dir()


def test_a_tilde_is_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    for mailer in (get_connection("file:~/mail"), EmailBackend(file_path=Path("~/mail"))):
        assert mailer.file_path == str(tmp_path / "mail")


def test_path_comes_from_the_setting_or_the_url(tmp_path):
    with override_settings(EMAIL_BACKEND="file", EMAIL_FILE_PATH=tmp_path / "a"):
        assert get_connection().file_path == str(tmp_path / "a")
    with override_settings(EMAIL_URL=f"file://{tmp_path}/b%20c?format=eml"):
        connection = get_connection()
        assert (connection.file_path, connection.format) == (f"{tmp_path}/b c", "eml")


CASES = [
    ("missing", "OPTIONS must define 'file_path'.", "EMAIL_FILE_PATH setting must be set"),
    ("file", "'file_path' is not a directory: ", "exists, but is not a directory: "),
    ("uncreatable", "Could not create 'file_path': ", "Could not create directory for saving"),
    ("unwritable", "'file_path' is not writable: ", "Could not write to directory: "),
]


@pytest.mark.parametrize(("what", "with_alias", "without"), CASES, ids=[c[0] for c in CASES])
def test_a_bad_path_is_told_in_its_own_words(tmp_path, monkeypatch, what, with_alias, without):
    """django-compatibility 38."""
    (tmp_path / "file").write_text("")
    path = {
        "missing": None,
        "file": tmp_path / "file",
        "uncreatable": tmp_path / "file" / "below",
        "unwritable": tmp_path,
    }[what]
    if what == "unwritable":
        monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere

    with pytest.raises(InvalidMailer) as caught:
        EmailBackend(file_path=path, alias="x")
    assert str(caught.value).startswith(f"MAILERS['x']: {with_alias}")

    with pytest.raises(ImproperlyConfigured) as classic:
        EmailBackend(file_path=path)
    assert without in str(classic.value)
    assert type(classic.value) is ImproperlyConfigured


def test_a_path_of_the_wrong_type():
    """django-compatibility 38."""
    for path in (5, b"bytes", object()):
        with pytest.raises(TypeError):
            EmailBackend(file_path=path)


def test_an_unknown_format():
    with pytest.raises(InvalidMailer, match="'format' must be 'log' or 'eml'"):
        EmailBackend(file_path="/nowhere", format="mbox", alias="x")


def test_closes_its_file_when_sending_fails(tmp_path):
    backend = EmailBackend(file_path=tmp_path)

    with pytest.raises(ValueError, match="linefeed"):
        backend.send_messages([a_message(), a_message(subject="a\nb")])

    assert not backend.is_ready()
