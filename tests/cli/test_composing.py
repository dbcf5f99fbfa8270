"""What `simplemail send` is told becomes the message that is meant."""

import io
import sys

import pytest

from simplemail.__main__ import main
from simplemail.cli.composing import addresses
from simplemail.cli.usage import UsageError


@pytest.fixture
def run(monkeypatch):
    """Run `simplemail send` with a mailer and arguments, at a terminal or with what is piped in."""
    monkeypatch.setattr(sys, "stdin", Terminal())

    def run(mailer, *arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        return main(["send", "--mailer", mailer, *map(str, arguments)])

    return run


@pytest.fixture
def sent(run, smtp_server):
    """Send with these arguments to a real server, and return what it got."""

    def send(*arguments, stdin=None):
        assert run(smtp_server.url, *arguments, stdin=stdin) == 0
        return smtp_server.messages[-1]

    return send


@pytest.fixture
def refused(run, capsys):
    """Try to send with these arguments, and return the sentence that says why not."""

    def send(*arguments, stdin=None):
        assert run("memory:", *arguments, stdin=stdin) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.count("\n") == 1
        return shown.err

    return send


def text_of(part):
    return part.get_content().replace("\r\n", "\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def read(self, *args):
        raise AssertionError("nobody is asked to type")


class TestRecipients:
    def test_everybody_is_in_the_envelope_and_bcc_only_there(self, sent):
        received = sent(
            "--to", "Ann <ann@example.com>, bob@example.com", "--to", "carl@example.com",
            "--cc", "dora@example.com", "--bcc", "eve@example.com", "--text", "x",
        )  # fmt: skip

        assert received.recipients == [
            f"{name}@example.com" for name in ("ann", "bob", "carl", "dora", "eve")
        ]
        assert received.message["To"] == "Ann <ann@example.com>, bob@example.com, carl@example.com"
        assert received.message["Cc"] == "dora@example.com"
        assert b"eve@" not in received.content

    def test_a_blind_copy_is_enough(self, sent):
        assert sent("--bcc", "eve@example.com", "--text", "x").recipients == ["eve@example.com"]

    @pytest.mark.parametrize("to", [[], ["--to", ""], ["--to", " , "]])
    def test_nobody(self, to, refused):
        assert "No recipients; give --to" in refused(*to, "--text", "x")

    def test_what_is_no_address(self, refused):
        assert "Invalid address 'ann example.com'" in refused("--to", "ann example.com")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("ann@example.com", ["ann@example.com"]),
            ("ann", ["ann"]),
            ("a@b.example,c@d.example", ["a@b.example", "c@d.example"]),
            ('"Smith, Ann" <a@b.example>, c', ['"Smith, Ann" <a@b.example>', "c"]),
            ('"a b"@c.example', ['"a b"@c.example']),
            ("Jürgen <j@bücher.example>", ['"Jürgen" <j@bücher.example>']),
        ],
    )  # fmt: skip
    def test_lists_are_taken_apart_at_commas_that_separate(self, text, expected):
        assert addresses([text]) == expected


class TestText:
    def test_as_an_argument(self, sent):
        received = sent("--to", "a@b.example", "--subject", "Grüße", "--text", "Schöne Grüße")

        assert received.message["Subject"] == "Grüße"
        assert text_of(received.message) == "Schöne Grüße\n"

    def test_piped(self, sent):
        received = sent("--to", "a@b.example", stdin="Größe\n".encode())

        assert text_of(received.message) == "Größe\n"

    def test_piped_and_named_with_a_dash(self, sent):
        for arguments in (["-"], ["--text-file", "-"]):
            received = sent("--to", "a@b.example", *arguments, stdin=b"piped\n")
            assert text_of(received.message) == "piped\n"

    def test_what_is_piped_is_not_read_when_there_is_a_text(self, sent):
        received = sent("--to", "a@b.example", "--text", "this", stdin=b"not this")

        assert text_of(received.message) == "this\n"

    def test_from_a_file_without_its_byte_order_mark(self, sent, tmp_path):
        path = tmp_path / "text"
        path.write_bytes(b"\xef\xbb\xbfHello\n")

        assert text_of(sent("--to", "a@b.example", "--text-file", path).message) == "Hello\n"

    def test_html_beside_the_text(self, sent, tmp_path):
        path = tmp_path / "html"
        path.write_text("<p>Hello</p>\n")

        message = sent("--to", "a@b.example", "--text", "Hello", "--html-file", path).message

        assert message.get_content_type() == "multipart/alternative"
        assert text_of(message.get_body(["plain"])) == "Hello\n"
        assert text_of(message.get_body(["html"])) == "<p>Hello</p>\n"

    def test_html_alone(self, sent, tmp_path):
        path = tmp_path / "html"
        path.write_text("<p>Hello</p>\n")

        message = sent("--to", "a@b.example", "--html-file", path).message

        assert message.get_content_type() == "text/html"

    def test_html_as_an_argument(self, sent):
        message = sent("--to", "a@b.example", "--text", "Hi", "--html", "<b>Hi</b>").message

        assert [part.get_content_type() for part in message.iter_parts()] == [
            "text/plain",
            "text/html",
        ]

    def test_html_twice(self, refused):
        words = refused("--to", "a@b.example", "--html", "x", "--html-file", "y")

        assert "Give the HTML once, not as --html and --html-file" in words

    def test_html_is_piped(self, sent):
        received = sent("--to", "a@b.example", "--html-file", "-", stdin=b"<p>Hello</p>\n")

        assert text_of(received.message) == "<p>Hello</p>\n"

    def test_none_at_all(self, refused):
        assert "No text; give --text" in refused("--to", "a@b.example")

    def test_two_of_them(self, refused, tmp_path):
        text = refused("--to", "a@b.example", "--text", "x", "--text-file", tmp_path / "y")

        assert "Give the text once, not as --text and --text-file" in text

    def test_standard_input_is_not_read_twice(self, refused):
        text = refused("--to", "a@b.example", "-", "--html-file", "-", stdin=b"x")

        assert "can't be both" in text

    def test_not_utf_8(self, refused):
        text = refused("--to", "a@b.example", stdin=b"\xff")

        assert "Standard input is not text in UTF-8" in text


class TestAttachments:
    def test_the_type_is_told_by_the_name(self, sent, tmp_path):
        for name, content in {"a.png": b"\x89PNG\r\n", "b.txt": b"text\n", "c": b"\0"}.items():
            (tmp_path / name).write_bytes(content)
        names = [f"--attach={tmp_path / name}" for name in ("a.png", "b.txt", "c")]

        message = sent("--to", "a@b.example", "--text", "x", *names).message

        parts = [(p.get_filename(), p.get_content_type()) for p in message.iter_attachments()]
        assert parts == [
            ("a.png", "image/png"), ("b.txt", "text/plain"), ("c", "application/octet-stream")
        ]  # fmt: skip

    def test_without_a_text_at_a_terminal(self, sent, tmp_path):
        (tmp_path / "a.png").write_bytes(b"PNG")

        message = sent("--to", "a@b.example", "--attach", tmp_path / "a.png").message

        assert [p.get_filename() for p in message.iter_attachments()] == ["a.png"]

    @pytest.mark.parametrize("option", ["--attach", "--text-file", "--html-file"])
    def test_a_file_that_is_not_there(self, option, refused, tmp_path):
        text = refused("--to", "a@b.example", option, tmp_path / "missing", stdin=b"")

        assert f"Can't read {tmp_path / 'missing'}: No such file or directory" in text

    def test_a_directory(self, refused, tmp_path):
        text = refused("--to", "a@b.example", "--text", "x", "--attach", tmp_path)

        assert f"Can't read {tmp_path}: Is a directory" in text


class TestInlineImages:
    def test_are_shown_by_their_name_in_the_html(self, sent, tmp_path):
        (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n")
        html = '<img src="cid:logo.png"><img src="cid:logo.png2"><p>logo.png</p>'

        message = sent(
            "--to", "a@b.example", "--text", "x", "--html", html, "--inline", tmp_path / "logo.png"
        ).message

        [image] = [part for part in message.walk() if part.get_content_type() == "image/png"]
        [shown] = [part for part in message.walk() if part.get_content_type() == "text/html"]
        content_id = image["Content-ID"].strip("<>")
        assert shown.get_content().rstrip("\r\n") == html.replace(
            'cid:logo.png"', f'cid:{content_id}"'
        )

    def test_that_the_html_does_not_show(self, refused, tmp_path):
        (tmp_path / "logo.png").write_bytes(b"PNG")

        words = refused(
            "--to", "a@b.example", "--html", '<img src="cid:logo.png2">',
            "--inline", tmp_path / "logo.png",
        )  # fmt: skip

        assert 'The HTML doesn\'t show logo.png; write <img src="cid:logo.png">' in words

    def test_without_html(self, refused, tmp_path):
        (tmp_path / "logo.png").write_bytes(b"PNG")

        words = refused("--to", "a@b.example", "--text", "x", "--inline", tmp_path / "logo.png")

        assert "--inline is for images in HTML" in words


class TestHeaders:
    def test_where_answers_go(self, sent):
        message = sent(
            "--to", "a@b.example", "--text", "x", "--reply-to", "Desk <desk@example.com>",
            "--reply-to", "two@example.com", "-s", "Short",
        ).message  # fmt: skip

        assert message["Reply-To"] == "Desk <desk@example.com>, two@example.com"
        assert message["Subject"] == "Short"

    def test_are_added(self, sent):
        message = sent(
            "--to", "a@b.example", "--text", "x", "--from", "me@example.com",
            "--header", "Reply-To: b@c.example", "--header", "X-Mood:fine: very",
        ).message  # fmt: skip

        assert message["From"] == "me@example.com"
        assert message["Reply-To"] == "b@c.example"
        assert message["X-Mood"] == "fine: very"

    @pytest.mark.parametrize("header", ["no colon", ": no name", ""])
    def test_that_are_none(self, header, refused):
        text = refused("--to", "a@b.example", "--text", "x", "--header", header)

        assert f"--header {header!r} is not of the form 'Name: value'" in text

    def test_twice(self, refused):
        pair = ["--header", "X-A: 1", "--header", "X-A: 2"]

        assert "--header gives 'X-A' twice" in refused("--to", "a@b.example", "--text", "x", *pair)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--header", "X-A: b\r\nBcc: eve@example.com"],
            ["--header", "X-A\nX-B: c"],
            ["--header", "Bcc: eve@example.com"],
            ["--subject", "a\nBcc: eve@example.com"],
            ["--from", "a@b.example\nBcc: eve@example.com"],
            ["--to", "a@b.example\nBcc: eve@example.com"],
        ],
    )
    def test_none_is_smuggled_in(self, arguments, refused):
        refused("--to", "a@b.example", "--text", "x", *arguments)


class TestReadyMade:
    CONTENT = (
        b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nCc: carl@example.com\r\n"
        b"Subject:  an odd   one \r\nX-Long: " + b"x" * 200 + b"\r\n\r\n.dots\r\n..\r\ntext \r\n"
    )

    @pytest.fixture
    def saved(self, tmp_path):
        path = tmp_path / "saved.eml"
        path.write_bytes(self.CONTENT)
        return path

    def test_is_sent_byte_for_byte(self, sent, saved):
        received = sent(saved)

        assert received.content == self.CONTENT
        assert received.sender == "ann@example.com"
        assert received.recipients == ["bob@example.com", "carl@example.com"]

    def test_goes_where_the_command_line_says(self, sent, saved):
        received = sent(saved, "--to", "d@example.com,e@example.com", "--from", "f@example.com")

        assert received.content == self.CONTENT
        assert received.sender == "f@example.com"
        assert received.recipients == ["d@example.com", "e@example.com"]

    def test_bcc_gets_it_and_nobody_sees_that(self, sent, saved):
        lines = b"Bcc: eve@example.com,\r\n fred@example.com\r\n"
        saved.write_bytes(lines + self.CONTENT)

        received = sent(saved)

        assert received.content == self.CONTENT
        assert set(received.recipients) >= {"eve@example.com", "fred@example.com"}

    def test_line_ends_of_unix_become_those_of_smtp(self, sent, saved):
        saved.write_bytes(self.CONTENT.replace(b"\r\n", b"\n"))

        assert sent(saved).content == self.CONTENT

    def test_what_is_sent_on_goes_where_that_says(self, sent, saved):
        """RFC 5322, 3.6.6."""
        again = (
            b"Resent-Date: Mon, 23 Nov 2026 07:00:00 +0000\r\nResent-From: carl@example.com\r\n"
            b"Resent-To: dora@example.com\r\n"
        )
        saved.write_bytes(again + self.CONTENT)

        received = sent(saved)

        assert received.sender == "carl@example.com"
        assert received.recipients == ["dora@example.com"]
        assert received.content == again + self.CONTENT

    def test_what_was_sent_on_twice(self, sent, refused, saved):
        again = b"Resent-Date: Mon, 23 Nov 2026 07:00:00 +0000\r\n"
        saved.write_bytes(again + again + self.CONTENT)

        assert "give --from ADDRESS and --to ADDRESS" in refused(saved)
        assert sent(saved, "--from", "a@b.example", "--to", "c@d.example").sender == "a@b.example"

    def test_addresses_that_need_smtputf8(self, sent, saved):
        content = "From: jürgen@example.com\r\nTo: ann@example.com\r\n\r\nGrüße\r\n".encode()
        saved.write_bytes(content)

        received = sent(saved)

        assert received.sender == "jürgen@example.com"
        assert received.content == content

    def test_a_report_has_no_sender(self, sent, saved):
        """RFC 5321, 4.5.5."""
        assert sent(saved, "--from", "").sender == ""

    def test_octets_that_mail_can_not_carry(self, refused, saved):
        saved.write_bytes(self.CONTENT + b"\0\r\n")

        text = refused(saved)

        assert f"{saved} can't be sent: " in text
        assert "NUL" in text
        assert "--from" not in text

    @pytest.mark.parametrize(
        "option", ["--subject", "--text", "--html-file", "--text-file", "--attach", "--header"]
    )
    def test_is_not_changed(self, option, refused, saved):
        assert f"{option} can't change {saved}" in refused(saved, option, "X: y")

    def test_without_a_sender(self, refused, saved):
        saved.write_bytes(b"Subject: Hello\n\njust text")

        error = refused(saved, "--to", "a@b.example")

        assert "isn't clear who sends the message" in error
        assert "give --from" in error

    def test_without_recipients(self, refused, saved):
        saved.write_bytes(b"From: ann@example.com\r\n\r\n")

        assert "names no recipients; give --to" in refused(saved)

    def test_that_is_not_there(self, refused, tmp_path):
        assert "Can't read" in refused(tmp_path / "missing.eml")


class TestPipedWhole:
    """`-t`: what a program writes for sendmail."""

    CONTENT = b"To: Ann <ann@example.com>\nBcc: eve@example.com\nSubject: Hi\n\nText\n"

    def test_goes_to_the_recipients_in_its_header(self, sent):
        received = sent("-t", "--from", "cron@example.com", stdin=self.CONTENT)

        assert received.recipients == ["ann@example.com", "eve@example.com"]
        assert received.sender == "cron@example.com"
        assert b"eve" not in received.content

    def test_gets_the_fields_that_it_lacks_and_no_others(self, sent):
        received = sent("-t", "--from", "cron@example.com", stdin=self.CONTENT)

        names = [name.lower() for name in received.message]
        assert sorted(names) == ["date", "from", "message-id", "subject", "to"]
        assert received.message["From"] == "cron@example.com"

    @pytest.mark.parametrize("name", ["From", "Date", "Message-ID"])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n"])
    def test_keeps_the_fields_that_it_has(self, name, end, sent):
        own = {"From": "me@example.com", "Date": "Mon, 23 Nov 2026 07:00:00 +0000"}
        field = f"{name.upper()}: {own.get(name, '<1@example.com>')}".encode()
        content = (field + b"\n" + self.CONTENT).replace(b"\n", end)

        received = sent("-t", stdin=content)

        assert received.message.get_all(name) == [field.decode().partition(": ")[2]]
        assert b"\r\n" in received.content
        assert b"\n" not in received.content.replace(b"\r\n", b"")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--to", "a@b.example"], "-t takes the recipients from the message; leave out --to"),
            (["--bcc", "a@b.example"], "leave out --bcc"),
            (["one.eml"], "-t takes the message from standard input; leave out the files"),
            (["-s", "x"], "--subject can't change what is piped in"),
        ],
    )
    def test_takes_nothing_else(self, arguments, words, refused):
        assert words in refused("-t", *arguments, stdin=self.CONTENT)

    def test_to_nobody(self, refused):
        words = refused("-t", "--from", "a@b.example", stdin=b"Subject: x\n\n")

        assert "Standard input names no recipients; write them into its To" in words


class TestSeveral:
    @pytest.fixture
    def files(self, tmp_path):
        paths = [tmp_path / f"{name}.eml" for name in ("one", "two", "three")]
        for path in paths:
            content = f"From: me@example.com\r\nTo: {path.stem}@example.com\r\n\r\n{path.stem}\r\n"
            path.write_bytes(content.encode())
        return paths

    def test_are_all_sent_in_their_order(self, files, sent, smtp_server):
        sent(*files)

        assert [message.content for message in smtp_server.messages] == [
            path.read_bytes() for path in files
        ]

    def test_one_that_is_refused_is_named_and_the_others_are_sent(
        self, files, smtp_server, capsys, monkeypatch
    ):
        smtp_server.script("RCPT TO:<two@", "550 5.1.1 No such user")

        assert main(["send", "--mailer", smtp_server.url, *map(str, files)]) == 1

        shown = capsys.readouterr().err
        assert f"simplemail: {files[1]}: No recipient was accepted (two@example.com: " in shown
        assert "Sent 2 messages to 2 recipients through" in shown
        assert [message.recipients for message in smtp_server.messages] == [
            ["one@example.com"],
            ["three@example.com"],
        ]

    def test_nothing_is_sent_if_one_can_not_be_read(self, files, refused):
        assert "Can't read" in refused(*files, files[0].with_name("missing.eml"))


def test_a_usage_error_is_a_value_error():
    assert issubclass(UsageError, ValueError)
