"""`testing.Inbox` waits for mail of other processes, and tells what came instead."""

import subprocess
import sys
from pathlib import Path

import pytest

import simplemail
from simplemail.testing import Inbox
from support.inboxes import plain_mail

SOURCE = str(Path(simplemail.__file__).parents[1])


@pytest.fixture
def inbox():
    with Inbox() as inbox:
        yield inbox


def send(inbox: Inbox, subject: str, to: str = "ann@example.com", html: str = "") -> None:
    mailer = simplemail.get_connection(inbox.smtp_url)
    message = simplemail.EmailMultiAlternatives(subject, "text", "shop@example.com", [to])
    if html:
        message.attach_alternative(html, "text/html")
    mailer.send_messages([message])


def test_it_waits_for_mail_of_another_process(inbox):
    code = "import simplemail; simplemail.send_mail('Hi', 't', 'a@example.com', ['b@example.com'])"
    environment = {"PYTHONPATH": SOURCE, "EMAIL_URL": inbox.smtp_url}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as program:
        [mail] = inbox.wait_for(to="b@example.com", timeout=60)
        program.wait(60)

    assert (mail.subject, mail.sender, mail.recipients) == (
        "Hi",
        "a@example.com",
        ("b@example.com",),
    )
    assert mail.message["To"] == "b@example.com"


def test_a_mail_has_its_texts_and_links(inbox):
    send(inbox, "Confirm", html='<a href="https://shop.example/confirm?a=1&amp;b=2">Confirm</a>')

    [mail] = inbox.wait_for(subject="confirm")

    assert mail.text.strip() == "text"
    assert mail.links == ("https://shop.example/confirm?a=1&b=2",)
    assert mail.content.endswith(b"--\r\n")


def test_an_address_is_the_whole_address(inbox):
    send(inbox, "to joann", "joann@example.com")
    send(inbox, "to ann", "ann@example.com")

    [mail] = inbox.wait_for(to="ann@example.com")

    assert mail.subject == "to ann"


def test_all_conditions_hold(inbox):
    send(inbox, 'The "big" order 1')
    send(inbox, 'The "big" order 2')

    [mail] = inbox.wait_for(
        to="ann@example.com", sender="shop@example.com", subject='"big" order', search="-1"
    )

    assert mail.subject == 'The "big" order 2'


def test_so_many_are_waited_for_and_come_oldest_first(inbox):
    for subject in "abc":
        send(inbox, subject)

    assert [mail.subject for mail in inbox.wait_for(count=3)] == ["a", "b", "c"]
    assert [mail.subject for mail in inbox.messages] == ["a", "b", "c"]


def test_its_error_shows_what_came_instead(inbox):
    send(inbox, "Something else", "bob@example.com")

    with pytest.raises(AssertionError) as error:
        inbox.wait_for(to="ann@example.com", timeout=0.05)

    text = str(error.value)
    assert "not 1 message for: to:" in text
    assert "  to bob@example.com: 'Something else'" in text


def test_its_error_says_if_nothing_came(inbox):
    with pytest.raises(AssertionError, match="No message came at all"):
        inbox.wait_for(count=2, timeout=0.05)


def test_clearing_forgets_all(inbox):
    send(inbox, "old")
    inbox.clear()

    assert inbox.messages == []


def test_a_running_inbox_is_used_and_left_running(inbox):
    with Inbox(inbox.url) as other:
        send(other, "through the other")
        assert other.smtp_url == inbox.smtp_url

    assert [mail.subject for mail in inbox.messages] == ["through the other"]


def test_what_is_no_inbox_is_said():
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:8025"):
        Inbox("127.0.0.1:8025")
    with pytest.raises(OSError, match=r"refused|\[") as error, Inbox("http://127.0.0.1:9") as _:
        pass
    assert error.value.errno


def test_it_must_run():
    with pytest.raises(RuntimeError, match="with Inbox"):
        _ = Inbox().url


def test_there_is_a_fixture(run_pytest, pytester):
    pytester.makepyfile(
        """
        import simplemail

        def test_mail(mail_inbox):
            mailer = simplemail.get_connection(mail_inbox.smtp_url)
            simplemail.send_mail("s", "t", "a@example.com", ["b@example.com"], connection=mailer)
            [mail] = mail_inbox.wait_for(subject="s")
            assert mail.text == "t\\n"
        """
    )

    run_pytest().assert_outcomes(passed=1)


def test_a_message_that_cannot_be_read_is_shown_all_the_same(inbox):
    import smtplib

    host, port = inbox.smtp_url.removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port), timeout=10) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], b"\xff\x00" + plain_mail())

    [mail] = inbox.wait_for(to="b@example.com")
    assert mail.content.startswith(b"\xff\x00")
