"""`simplemail inbox DIR` shows the .eml files of a folder, live, and never touches them."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import simplemail
from inbox.test_reading import HOSTILE
from simplemail.inbox.client import Client, InboxError
from simplemail.inbox.folder import Folder
from simplemail.inbox.messages import Messages
from simplemail.inbox.server import InboxServer
from simplemail.inbox.store import Arrival, Store
from support.inboxes import get, plain_mail, running


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    folder = tmp_path / "mails"
    folder.mkdir()
    return folder


@pytest.fixture
def messages(store: Store) -> Messages:
    return Messages(store)


@pytest.fixture
def folder(mails: Path, messages: Messages) -> Folder:
    """A folder that is looked at when a test says so."""
    return Folder(mails, messages, max_size=1_000_000)


@pytest.fixture
def inbox(mails: Path) -> Iterator[InboxServer]:
    (mails / "first.eml").write_bytes(plain_mail("first"))
    with running(folder=mails) as server:
        yield server


def subjects(messages: Messages) -> list[str]:
    return [row.subject for row in messages.rows(limit=500)]


def settled(folder: Folder) -> None:
    """Look twice: a new file is read when it has stopped changing."""
    folder.update()
    folder.update()


def eventually(inbox: InboxServer, *expected: str) -> None:
    """Wait until the inbox shows messages of these subjects, newest first."""
    deadline = time.monotonic() + 20
    position = 0
    while (found := subjects(inbox.messages)) != [*expected]:
        assert time.monotonic() < deadline, found
        position = inbox.messages.feed.position
        inbox.messages.feed.after(position, 0.1)


# Coming and going


def test_files_are_shown_oldest_first_and_new_ones_as_they_come(inbox, mails):
    eventually(inbox, "first")

    (mails / "second.eml").write_bytes(plain_mail("second"))
    eventually(inbox, "second", "first")
    (mails / "first.eml").unlink()
    eventually(inbox, "second")


def test_whoever_waits_for_mail_hears_of_a_file(inbox, mails):
    (mails / "new.eml").write_bytes(plain_mail("Welcome", to="new@example.com"))

    answer = Client(inbox.url).call("GET", "/api/wait", q="to:<new@example.com>", timeout=20)

    assert [each["subject"] for each in answer["messages"]] == ["Welcome"]


def test_mail_by_smtp_stands_beside_files(inbox):
    eventually(inbox, "first")
    mailer = simplemail.get_connection(inbox.smtp_url)

    simplemail.send_mail("sent", "t", "a@example.com", ["b@example.com"], connection=mailer)

    assert subjects(inbox.messages) == ["sent", "first"]


def test_what_the_file_mailer_writes_is_shown_while_it_writes(inbox, mails):
    mailer = simplemail.get_connection(f"file:{mails}?format=eml")

    for subject in ("second", "third"):
        simplemail.send_mail(
            subject, "Hello ü", "a@example.com", ["b@example.com"], connection=mailer
        )

    eventually(inbox, "third", "second", "first")
    [row] = inbox.messages.rows("subject:third to:<b@example.com> ü")
    assert row.preview == "Hello ü"


def test_a_changed_file_is_another_message(mails, folder, messages):
    path = mails / "a.eml"
    path.write_bytes(plain_mail("before"))
    settled(folder)
    [before] = messages.rows()

    path.write_bytes(plain_mail("after that"))
    settled(folder)

    [after] = messages.rows()
    assert (after.subject, after.id > before.id) == ("after that", True)


def test_a_file_that_grows_is_read_when_it_has_stopped(mails, folder, messages):
    folder.update()
    path = mails / "a.eml"
    content = plain_mail("slow", "x" * 1000)
    for end in (10, 500, len(content)):
        path.write_bytes(content[:end])
        folder.update()
        assert messages.rows() == []

    folder.update()

    assert messages.store.content(messages.rows()[0].id) == content


def test_files_are_in_order_of_their_time(mails, folder, messages):
    for name, age in [("a", 3), ("b", 1), ("c", 2)]:
        (mails / f"{name}.eml").write_bytes(plain_mail(name))
        os.utime(mails / f"{name}.eml", (1_700_000_000 - age,) * 2)

    folder.update()

    assert subjects(messages) == ["b", "c", "a"]
    assert messages.rows()[0].arrived == 1_700_000_000 - 1


def test_a_folder_that_goes_takes_its_messages_along_and_may_come_back(mails, folder, messages):
    (mails / "a.eml").write_bytes(plain_mail("a"))
    settled(folder)
    elsewhere = mails.rename(mails.with_name("elsewhere"))
    folder.update()
    assert subjects(messages) == []

    elsewhere.rename(mails)
    settled(folder)

    assert subjects(messages) == ["a"]


# Read only


def test_nothing_in_the_folder_is_changed_whatever_is_asked(inbox, mails):
    eventually(inbox, "first")
    client = Client(inbox.url)
    before = (mails / "first.eml").stat()

    with pytest.raises(InboxError, match=r"is the file .*first\.eml") as refused:
        client.call("DELETE", "/api/messages/latest")
    assert refused.value.status == 409
    assert client.call("DELETE", "/api/messages") == {"deleted": []}
    client.call("PATCH", "/api/messages/latest", json_body={"unread": False})

    assert (mails / "first.eml").stat()[:9] == before[:9]
    assert [path.name for path in mails.iterdir()] == ["first.eml"]
    message = client.call("GET", "/api/messages/latest")
    assert (message["file"], message["read_only"]) == (str(mails / "first.eml"), True)
    assert (message["sender"], message["recipients"]) == ("shop@example.com", ["ann@example.com"])


def test_files_make_no_room_for_mail_and_take_none(mails, tmp_path):
    messages = Messages(Store(tmp_path / "small", keep=2))
    for number in range(5):
        (mails / f"{number}.eml").write_bytes(plain_mail(f"file {number}"))
    Folder(mails, messages, max_size=1_000_000).update()
    for number in range(3):
        messages.add(Arrival(plain_mail(f"mail {number}")))

    found = subjects(messages)

    assert found == ["mail 2", "mail 1", *(f"file {number}" for number in (4, 3, 2, 1, 0))]
    assert messages.store.counts() == (7, 7)
    messages.store.close()


def test_the_contents_stay_in_their_files(mails, folder, messages):
    (mails / "a.eml").write_bytes(plain_mail("a", "0123456789" * 50_000))
    settled(folder)
    [row] = messages.rows()

    assert len(messages.store.content(row.id)) == row.size > 500_000
    assert sum(path.stat().st_size for path in messages.store.path.parent.glob("store*")) < 300_000
    (mails / "a.eml").unlink()
    assert messages.store.content(row.id) is None


def test_a_message_whose_file_is_gone_since_the_last_look_is_404(inbox, mails):
    eventually(inbox, "first")
    number = inbox.messages.rows()[0].id
    (mails / "first.eml").unlink()

    for path in ("html", "text", "source", "eml", "part/0"):
        assert get(inbox.url, f"/m/{number}/{path}").status == 404


def test_what_was_read_stays_read_after_a_restart(mails, tmp_path):
    for name in ("a", "b"):
        (mails / f"{name}.eml").write_bytes(plain_mail(name))
    store = tmp_path / "kept"
    with running(folder=mails, store=store) as inbox:
        eventually(inbox, "b", "a")
        inbox.messages.mark(1, unread=False)

    with running(folder=mails, store=store) as inbox:
        eventually(inbox, "b", "a")
        assert inbox.messages.store.counts() == (2, 1)


def test_without_the_folder_its_files_are_shown_no_longer(mails, tmp_path):
    (mails / "a.eml").write_bytes(plain_mail("a"))
    store = tmp_path / "kept"
    with running(folder=mails, store=store) as inbox:
        eventually(inbox, "a")
        inbox.messages.add(Arrival(plain_mail("mail")))
    other = tmp_path / "other"
    other.mkdir()

    with running(store=store) as inbox:
        assert subjects(inbox.messages) == ["mail"]
    with running(folder=other, store=store) as inbox:
        eventually(inbox, "mail")


# Whatever lies there


def test_every_hostile_file_is_kept_and_shown(mails, folder, messages):
    for number, content in enumerate(HOSTILE.values()):
        (mails / f"{number}.eml").write_bytes(content[:100_000])

    settled(folder)

    assert messages.store.counts()[0] == len(HOSTILE)
    for row in messages.rows(limit=500):
        content = messages.store.content(row.id)
        assert content == Path(row.file).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "a b.eml", "ü.eml", "UPPER.EML", "'; DROP TABLE messages; --.eml", "a\nb\r.eml",
        "\x1b[31m.eml", "\u202egpj.eml", "..eml", "-rf.eml", "%2e%2e%2f.eml", "<img src=x>.eml",
        "\\..\\x.eml", ".eml", "x" * 240 + ".eml",
    ],
)  # fmt: skip
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_files_may_have_any_name(mails, folder, messages, name):
    (mails / name).write_bytes(plain_mail("odd"))
    settled(folder)

    [row] = messages.rows()
    assert row.file == str(mails / name)
    (mails / name).unlink()
    folder.update()
    assert messages.rows() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_is_told_in_json(mails):
    path = os.fsencode(mails) + b"/\xff\xfe.eml"
    try:
        with open(path, "wb") as file:  # noqa: PTH123 - a name of octets
            file.write(plain_mail("odd"))
    except OSError:
        pytest.skip("this file system wants names that are text")
    with running(folder=mails) as inbox:
        eventually(inbox, "odd")
        eventually(inbox, "odd")  # the next look finds it unchanged

        answer = get(inbox.url, "/api/messages/latest")

    assert answer.json["id"] == 1
    assert os.fsencode(answer.json["file"]) == path


def test_only_eml_files_of_the_folder_itself_are_shown(mails, folder, messages):
    for name in ("a.eml", "b.txt", "c.eml.part", "eml"):
        (mails / name).write_bytes(plain_mail(name))
    (mails / "sub").mkdir()
    (mails / "sub" / "d.eml").write_bytes(plain_mail("d"))
    (mails / "folder.eml").mkdir()

    settled(folder)

    assert subjects(messages) == ["a.eml"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes and few links")
def test_links_pipes_and_folders_are_told_of_once_and_never_opened(
    mails, folder, messages, tmp_path, caplog
):
    secret = tmp_path / "secret.txt"
    secret.write_bytes(plain_mail("secret"))
    (mails / "link.eml").symlink_to(secret)
    (mails / "broken.eml").symlink_to(tmp_path / "nothing")
    (mails / "loop.eml").symlink_to(mails / "loop.eml")
    os.mkfifo(mails / "pipe\x1b.eml")
    (mails / "folder.eml").mkdir()

    with caplog.at_level(logging.WARNING, "simplemail.inbox"):
        settled(folder)

    assert messages.rows() == []
    told = sorted(record.getMessage().partition(" isn't")[0] for record in caplog.records)
    names = ["broken.eml", "folder.eml", "link.eml", "loop.eml", "pipe\\x1b.eml"]
    assert told == [f"{mails}/{name}" for name in names]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes and few links")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_file_that_becomes_something_else_before_it_is_read_isnt_followed(
    mails, folder, messages, tmp_path, kind
):
    path = mails / "a.eml"
    path.write_bytes(plain_mail("a"))
    settled(folder)
    secret = tmp_path / "secret.txt"
    secret.write_bytes(plain_mail("secret"))
    path.unlink()
    path.symlink_to(secret) if kind == "link" else os.mkfifo(path)

    assert messages.store.content(messages.rows()[0].id) is None


def test_a_file_that_may_not_be_read_is_told_of_and_shown_when_it_may(
    mails, folder, messages, caplog, monkeypatch
):
    path = mails / "a.eml"
    path.write_bytes(plain_mail("a"))

    def refused(path: str, size: int) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    with monkeypatch.context() as patched:  # for root, everything can be read
        patched.setattr("simplemail.inbox.folder.content_of", refused)
        settled(folder)
        settled(folder)
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} isn't shown: Permission denied"
    ]

    settled(folder)

    assert subjects(messages) == ["a"]


def test_a_file_over_the_largest_size_is_told_of_and_not_read(mails, folder, messages, caplog):
    with (mails / "sparse.eml").open("wb") as file:
        file.truncate(10**12)

    with caplog.at_level(logging.WARNING, "simplemail.inbox"):
        settled(folder)
        settled(folder)

    assert messages.rows() == []
    [record] = caplog.records
    assert "it has 1000000000000 octets, and --max-size is 1000000" in record.getMessage()


@pytest.mark.parametrize("moment", [-1e9, 0, 1e12])
def test_a_file_may_be_of_any_time(mails, moment):
    path = mails / "a.eml"
    path.write_bytes(plain_mail("odd"))
    try:
        os.utime(path, (moment, moment))
    except OSError:
        pytest.skip("this file system has no such times")
    with running(folder=mails) as inbox:
        eventually(inbox, "odd")

        assert get(inbox.url, "/api/messages").json["messages"][0]["arrived"].endswith("Z")


def test_an_empty_file_is_a_message_without_anything(mails, folder, messages):
    (mails / "empty.eml").touch()
    settled(folder)

    assert [(row.size, row.subject) for row in messages.rows()] == [(0, "")]


def test_there_must_be_a_folder_at_first(tmp_path, messages):
    (tmp_path / "file").touch()
    for name in ("missing", "file"):
        with pytest.raises(OSError, match=name):
            Folder(tmp_path / name, messages, max_size=1)
