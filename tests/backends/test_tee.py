from __future__ import annotations

import logging

import pytest

from simplemail import InvalidMailer, get_connection
from simplemail.backends.tee import EmailBackend
from simplemail.receipts import Status
from simplemail.testing.contract import BackendContract, a_message
from support.held import Fake


class TestTee(BackendContract):
    def make(self, **options):
        self.main, self.copy = Fake("main"), Fake("copy")
        return EmailBackend(mailer=self.main, copies=[self.copy], **options)

    def sent(self):
        assert len(self.main.taken) == len(self.copy.taken)
        return len(self.copy.taken)


def test_copies_are_the_same_envelope():
    main, archive, console = Fake("main"), Fake("archive"), Fake("console")
    [receipt] = EmailBackend(mailer=main, copies=[archive, console]).deliver([a_message()])

    assert main.taken == archive.taken == console.taken == [receipt.envelope]
    assert receipt.mailer == "main"


def test_a_copy_that_fails_changes_nothing_and_is_logged(caplog):
    tee = EmailBackend(mailer=Fake("main"), copies=[Fake("archive", OSError("disk full"))])

    with caplog.at_level(logging.WARNING, "simplemail"):
        assert tee.send_messages([a_message()]) == 1

    assert "archive" in caplog.text
    assert "disk full" in caplog.text


def test_what_was_not_sent_is_not_copied_unless_asked():
    for everything, count in ((False, 0), (True, 1)):
        copy = Fake("copy")
        main = Fake("main", ConnectionRefusedError("down"))
        tee = EmailBackend(mailer=main, copies=[copy], everything=everything)

        [receipt] = tee.deliver([a_message()])

        assert receipt.status is Status.DEFERRED
        assert len(copy.taken) == count


def test_to_an_archive(tmp_path):
    archive = f"file:{tmp_path}?format=eml"
    get_connection("tee", mailer="dummy:", copies=[archive]).send_messages([a_message()] * 2)

    assert len(list(tmp_path.glob("*.eml"))) == 2


def test_needs_a_mailer():
    with pytest.raises(Exception, match=r"'mailer' must name a mailer by .*, not None"):
        EmailBackend(copies=["dummy:"])


def test_a_copy_with_bad_configuration_changes_nothing(caplog):
    """The message was sent: who hears of an error would send it again."""
    broken = Fake("archive", TypeError("bad configuration"))
    broken.deliver = lambda messages: (_ for _ in ()).throw(InvalidMailer("no such file"))
    tee = EmailBackend(mailer=Fake("main"), copies=[broken])

    with caplog.at_level(logging.WARNING, "simplemail"):
        assert tee.send_messages([a_message()]) == 1
    assert "no such file" in caplog.text
