"""The command line: what it prints where, and its exit status. `cli/` has what is sent."""

import errno
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import simplemail
from simplemail import configure, override_settings
from simplemail.__main__ import main
from simplemail.backends.base import BaseEmailBackend
from simplemail.cli.commands import COMMANDS
from simplemail.testing.server import Close, Silence, SMTPServer

SECRET = "s3cr3t-pw"
SOURCE = Path(__file__).parent.parent / "src"
TO_ANN = ["--to", "ann@example.com", "--text", "It works."]


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No setting, no environment of the machine's own."""
    for name in ("EMAIL_URL", "DEFAULT_FROM_EMAIL", "SERVER_EMAIL", "ADMINS", "MANAGERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(simplemail, "outbox", [])


@pytest.fixture
def run(capsys):
    """Run a command in this process; return its exit status, and what it wrote where."""

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        return status, shown.out, shown.err

    return run


def run_python(*arguments, stdin="", **environment):
    """Run a command as users do, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "simplemail", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )


def help_of(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    return " ".join(capsys.readouterr().out.split())


class TestAsAProcess:
    def test_the_first_message(self):
        done = run_python("send", "--mailer", "console:", *TO_ANN, "--subject", "Hello")

        assert (done.returncode, done.stderr) == (0, "")
        assert "Subject: Hello\n" in done.stdout
        assert "\n\nIt works.\n" in done.stdout

    def test_the_text_is_piped(self, smtp_server):
        done = run_python("send", "--to", "a@b.example", stdin="piped\n", EMAIL_URL=smtp_server.url)

        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith(f"Sent to 1 recipient through {smtp_server.url} (250 ")
        assert smtp_server.messages[0].content.endswith(b"\r\n\r\npiped\r\n")

    def test_an_error_is_one_sentence(self):
        done = run_python("send", "--mailer", f"smpt://ann:{SECRET}@mail.example.com", *TO_ANN)

        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("simplemail: Unknown scheme 'smpt' in a mailer URL; use one")
        assert done.stderr.count("\n") == 1
        assert SECRET not in done.stderr

    @pytest.mark.skipif(sys.platform == "win32", reason="no such pipes")
    def test_a_reader_that_goes_away_is_no_error(self):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as stdout:
            done = subprocess.run(
                [sys.executable, "-m", "simplemail", "send", "--mailer", "console:", *TO_ANN],
                stdout=stdout,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(SOURCE)},
                timeout=60,
                check=False,
            )

        assert (done.returncode, done.stderr) == (1, b"")


class TestUsage:
    @pytest.mark.parametrize("arguments", [["--help"], ["send", "--help"], ["check", "--help"]])
    def test_help(self, arguments, capsys):
        with pytest.raises(SystemExit, match="0"):
            main(arguments)

        assert capsys.readouterr().out.startswith("usage: simplemail")

    def test_help_says_where_passwords_belong(self, capsys):
        with pytest.raises(SystemExit):
            main(["--help"])

        text = " ".join(capsys.readouterr().out.split())
        assert "EMAIL_URL" in text
        assert "Passwords belong here, and not on the command line" in text

    def test_every_command_says_so_where_the_mailer_is_explained(self, capsys):
        for command in COMMANDS:
            if "--mailer" in help_of(command, capsys):
                assert "EMAIL_URL, where a password belongs" in help_of(command, capsys)

    def test_alone_it_shows_help(self, capsys):
        with pytest.raises(SystemExit, match="0"):
            main([])

        assert capsys.readouterr().out.startswith("usage: simplemail [-h]")

    def test_version(self, capsys):
        with pytest.raises(SystemExit, match="0"):
            main(["--version"])

        assert capsys.readouterr().out == f"simplemail {simplemail.__version__}\n"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["sned"], "Unknown command 'sned'; did you mean 'send'?; see simplemail --help"),
            (["post"], "Unknown command 'post'; use one of send, test, check"),
            (["--debug", "sned"], "did you mean 'send'?"),
            ([f"smtp://ann:{SECRET}@mail.example.com"], "Unknown command; use one of send, "),
            ([f"x{SECRET}"], "Unknown command; use one of"),
            (["--verbose"], "required: COMMAND; see simplemail --help"),
            (["--debgu", "send"], "there is no option --debgu; did you mean '--debug'?"),
            (["send", "--mailer"], "--mailer: expected one argument; see simplemail send --help"),
            (
                ["check", "--mailr=x"],
                "no option --mailr; did you mean '--mailer'?; see simplemail c",
            ),
            (["send", f"--mailr=smtp://ann:{SECRET}@mail.example.com"], "no option --mailr; did"),
            (
                ["send", "--mailr", f"smtp://ann:{SECRET}@mail.example.com"],
                "no option --mailr; did",
            ),
            (["send", "--pasword", SECRET], "there is no option --pasword; see"),
            (["send", f"-p{SECRET}"], "there is no option -p; see simplemail send --help"),
            (["send", f"--quiet={SECRET}"], "--quiet: takes no value; see simplemail send"),
            (["send", f"--timeout={SECRET}"], "--timeout: must be a number of seconds, more than"),
            (["check", "--timeout", "-1"], "--timeout: must be a number of seconds, more than 0"),
            (["check", "--timeout", "nan"], "--timeout: must be a number of seconds, more than 0"),
            (["check", SECRET], "there are too many arguments; see simplemail check --help"),
            (["send", "--sub", "x"], "no option --sub; did you mean '--subject'?; see"),
        ],
    )
    def test_what_is_misspelt(self, arguments, words, run):
        status, out, err = run(*arguments)

        assert (status, out) == (2, "")
        assert words.lower() in err.lower()
        assert err.startswith("simplemail: ")
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ["send", "--mailer", f"smtp://ann@h.example?auth={SECRET}", *TO_ANN],
            ["send", "--mailer", f"smtp://ann@h.example?timeout={SECRET}", *TO_ANN],
            ["send", "--mailer", f"smtp://ann@h.example?pasword={SECRET}", *TO_ANN],
            ["check", "--mailer", f"smtp://ann@h.example?notify={SECRET}"],
            ["check", "--mailer", f"smtp://ann@h.example?use_tls={SECRET}"],
            ["check", "--mailer", f"smtp+tls://ann@h.example?use_tls={SECRET}"],
            ["check", "--mailer", f"smtp://ann@h.example?retries={SECRET}"],
            ["check", "--mailer", f"file:out?format={SECRET}"],
            ["check", "--mailer", f"console:?{SECRET}"],
            ["check", "--mailer", SECRET],
            ["check", "--mailer", f"ann:{SECRET}"],
        ],
    )
    @pytest.mark.parametrize("how", [[], ["--traceback"]], ids=["", "traceback"])
    def test_what_stands_in_a_wrong_url_is_not_shown(self, arguments, how, run):
        """`run` looks for the secret in all that is written."""
        assert run(*arguments, *how)[0] == 2

    def test_a_traceback_on_demand(self, run):
        status, _, err = run("send", "--mailer", "smpt:", "--traceback", *TO_ANN)

        assert status == 2
        assert err.startswith("Traceback (most recent call last):")
        assert "Unknown scheme 'smpt'" in err


class TestMailer:
    @pytest.mark.parametrize("command", [["send", *TO_ANN], ["test", "a@b.example"], ["check"]])
    def test_nothing_is_configured(self, command, run):
        status, _, err = run(*command)

        assert status == 2
        assert "No mailer is configured" in err
        assert "EMAIL_URL" in err
        assert "--mailer console:" in err

    @pytest.mark.parametrize("command", [["send", *TO_ANN], ["test", "a@b.example"], ["check"]])
    def test_an_empty_one_is_wrong_usage(self, command, run):
        status, out, err = run(*command, "--mailer", "")

        assert (status, out) == (2, "")
        assert err.startswith("simplemail: --mailer is empty; give a URL like smtp+tls://mail.exam")

    @pytest.mark.parametrize(
        "mailer", ["memory", "memory:", "simplemail.backends.locmem.EmailBackend"]
    )
    def test_by_name_url_or_path(self, mailer, run):
        status, _, _ = run("send", "--mailer", mailer, *TO_ANN)

        assert status == 0
        assert len(simplemail.outbox) == 1

    def test_by_alias(self, run):
        with override_settings(MAILERS={"default": "dummy:", "news": "memory:"}):
            assert run("send", "--mailer", "news", *TO_ANN)[0] == 0
            assert run("send", *TO_ANN)[0] == 0

        assert [message.sent_using for message in simplemail.outbox] == ["news"]

    def test_by_environment(self, run, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "memory:")

        assert run("send", *TO_ANN)[0] == 0
        assert len(simplemail.outbox) == 1

    def test_a_host_is_no_mailer(self, run):
        status, _, err = run("send", "--mailer", "mail.example.com", *TO_ANN)

        assert status == 2
        assert "'mail.example.com'" in err
        assert "write a server as smtp+tls://mail.example.com" in err

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            (f"smpt://ann:{SECRET}@127.0.0.1", "Unknown scheme 'smpt'"),
            (f"smtp://ann:{SECRET}@127.0.0.1?timout=5", "did you mean 'timeout'"),
            (f"smtp://ann:{SECRET}@127.0.0.1?timeout=soon", "'timeout' in a mailer URL must be a "),
            (f"smtp://ann:{SECRET}/x@127.0.0.1", "percent-encode"),
            (f"smtp://ann:{SECRET}@127.0.0.1:99999", "port"),
            ("file:", "needs a path"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("command", [["send", *TO_ANN], ["check"]])
    def test_a_url_that_is_wrong(self, url, words, command, run):
        status, out, err = run(*command, "--mailer", url)

        assert (status, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1


class TestEnvironment:
    def test_the_sender(self, run, monkeypatch):
        monkeypatch.setenv("DEFAULT_FROM_EMAIL", "Me <me@example.com>")

        run("send", "--mailer", "memory:", *TO_ANN)

        assert simplemail.outbox[0].from_email == "Me <me@example.com>"

    def test_settings_made_in_python_come_first_and_stay(self, run, monkeypatch):
        monkeypatch.setenv("DEFAULT_FROM_EMAIL", "environment@example.com")
        with override_settings(DEFAULT_FROM_EMAIL="python@example.com"):
            run("send", "--mailer", "memory:", *TO_ANN)

            assert simplemail.settings.DEFAULT_FROM_EMAIL == "python@example.com"
        assert simplemail.outbox[0].from_email == "python@example.com"


class TestSending:
    def test_says_what_it_did_on_standard_error(self, run, smtp_server):
        status, out, err = run("send", "--mailer", smtp_server.url, *TO_ANN, "--cc", "b@c.example")

        assert (status, out) == (0, "")
        assert err == (
            f"Sent to 2 recipients through smtp://127.0.0.1:{smtp_server.port} "
            "(250 2.0.0 OK queued as 1)\n"
        )

    def test_or_does_not(self, run, smtp_server):
        assert run("send", "--mailer", smtp_server.url, *TO_ANN, "-q") == (0, "", "")

    @pytest.mark.parametrize("command", ["send", "test", "check"])
    def test_waits_no_longer_than_it_was_told(self, command, run, smtp_server):
        smtp_server.script("GREETING", Silence())
        arguments = {"send": TO_ANN, "test": ["ann@example.com"], "check": []}[command]

        status, out, err = run(command, "--mailer", smtp_server.url, "--timeout=0.2", *arguments)

        assert status == 1
        assert "0.2 s" in out + err

    def test_what_was_not_sent_is_not_called_sent(self, run, tmp_path):
        _, _, err = run("send", "--mailer", f"file:{tmp_path}", *TO_ANN)

        assert err == f"Handed to files in {tmp_path} for 1 recipient\n"

    def test_a_refused_recipient(self, run, smtp_server):
        smtp_server.script("RCPT TO:<no@", "550 5.1.1 No such user")

        status, _, err = run(
            "send", "--mailer", smtp_server.url, "--to", "no@b.example", "--text=x"
        )

        assert status == 1
        assert "no@b.example: 550" in err
        assert "No such user" in err

    def test_not_everybody_gets_it(self, run, smtp_server):
        smtp_server.script("RCPT TO:<no@", "550 5.1.1 No such user")

        status, _, err = run("send", "--mailer", smtp_server.url, "--to", "no@b.example", *TO_ANN)

        assert status == 1
        assert "no@b.example" in err
        assert "No such user" in err
        assert smtp_server.messages[0].recipients == ["ann@example.com"]

    def test_a_refused_sender(self, run, smtp_server):
        smtp_server.script("MAIL FROM", "553 5.7.1 Not you")

        status, _, err = run("send", "--mailer", smtp_server.url, *TO_ANN)

        assert status == 1
        assert "webmaster@localhost" in err
        assert "553" in err
        assert "Not you" in err
        assert "b'" not in err

    def test_a_failure_that_is_silenced_is_told_all_the_same(self, run, smtp_server):
        smtp_server.stop()

        status, _, err = run("send", "--mailer", f"{smtp_server.url}?fail_silently=1", *TO_ANN)

        assert status == 1
        assert "not sent" in err

    def test_what_a_server_says_does_not_drive_the_terminal(self, run, smtp_server):
        smtp_server.script("MAIL FROM", b"553 \x1b[2Jno\r\n")

        _, _, err = run("send", "--mailer", smtp_server.url, *TO_ANN)

        assert "\x1b" not in err
        assert err.count("\n") == 1
        assert "\x1b" not in run("send", "--traceback", "--mailer", smtp_server.url, *TO_ANN)[2]


def refuse_connection(server):
    server.stop()
    return server.url


def wrong_password(server):
    return server.url.replace(SECRET, f"{SECRET}-not")


def unknown_ca(server):
    return server.url.partition("?")[0]


def wrong_host_name(server):
    server.certificate = server.certificate.with_name("wrong-host.pem")
    return server.url


def hanging(server):
    server.script("GREETING", Silence())
    return f"{server.url}&timeout=0.2"


def no_starttls(server):
    url = server.url
    server.starttls = False
    return url


def test_half_a_login_is_a_warning_and_no_failure(run):
    with SMTPServer() as server:
        status, _, err = run("send", *TO_ANN, "--mailer", f"smtp://ann@127.0.0.1:{server.port}")

    assert status == 0
    assert f"simplemail: Not logging in at 127.0.0.1:{server.port}: there is no password\n" in err
    assert "Sent to 1 recipient" in err


TROUBLES = [
    (refuse_connection, "Connection refused by {where}; is the server running"),
    (wrong_password, "app password"),
    (unknown_ca, "The certificate of {where} is not trusted"),
    (wrong_host_name, "The certificate of {where} is for another name"),
    (hanging, "No answer from {where} within 0.2 seconds"),
    (no_starttls, "STARTTLS"),
]


@pytest.mark.parametrize("command", [["send", *TO_ANN], ["check"]], ids=["send", "check"])
@pytest.mark.parametrize(("trouble", "words"), TROUBLES)
def test_a_delivery_error_names_the_server_and_the_remedy(trouble, words, command, run):
    with SMTPServer(starttls=True, users={"ann": SECRET}) as server:
        url = trouble(server)

        status, _, err = run(*command, "--mailer", url)

    assert status == 1
    assert words.format(where=f"127.0.0.1:{server.port}") in err
    assert err.startswith("simplemail: ")
    assert err.count("\n") == 1
    assert not server.messages


class TestTest:
    @pytest.fixture(autouse=True)
    def people(self, monkeypatch):
        monkeypatch.setenv("EMAIL_URL", "memory:")
        monkeypatch.setenv("ADMINS", "Ann <ann@example.com>, bob@example.com")
        monkeypatch.setenv("MANAGERS", "carl@example.com")
        monkeypatch.setenv("SERVER_EMAIL", "root@example.com")
        monkeypatch.setenv("EMAIL_SUBJECT_PREFIX", "[site] ")

    def test_to_addresses(self, run):
        status, _, err = run("test", "dora@example.com", "eve@example.com")

        [message] = simplemail.outbox
        assert status == 0
        assert message.to == ["dora@example.com", "eve@example.com"]
        assert message.subject.startswith("Test from ")
        assert "for 2 recipients" in err

    def test_to_admins_and_managers(self, run):
        run("test", "--admins", "--managers")

        managers, admins = simplemail.outbox
        assert admins.to == ["Ann <ann@example.com>", "bob@example.com"]
        assert managers.to == ["carl@example.com"]
        assert admins.from_email == "root@example.com"
        assert admins.subject.startswith("[site] Test from ")

    def test_nobody(self, run):
        status, _, err = run("test")

        assert status == 2
        assert "give an ADDRESS, --admins or --managers" in err

    def test_no_admins(self, run, monkeypatch):
        monkeypatch.delenv("ADMINS")

        status, _, err = run("test", "--admins", "dora@example.com")

        assert status == 2
        assert "ADMINS is empty; set the environment variable ADMINS" in err
        assert not simplemail.outbox

    def test_what_is_no_address(self, run):
        assert run("test", "dora example.com")[0] == 2


class TestCheck:
    def test_prints_each_step(self, run):
        with SMTPServer(starttls=True, users={"ann": SECRET}) as server:
            status, out, err = run("check", "--mailer", server.url)

        assert (status, err) == (0, "")
        assert out.startswith(f"Checking smtp+tls://127.0.0.1:{server.port}\n  ok       Name    ")
        assert out.endswith("\nReady to send. Nothing was sent.\n")
        assert not server.messages

    def test_says_nothing_when_all_is_well_and_nobody_asked(self, run, smtp_server):
        assert run("check", "-q", "--mailer", smtp_server.url) == (0, "", "")

    def test_the_failed_step_is_the_last(self, run, smtp_server):
        smtp_server.script("EHLO", "550 5.7.1 Not from here")
        smtp_server.script("HELO", "550 5.7.1 Not from here")

        status, out, err = run("check", "--mailer", smtp_server.url)

        assert status == 1
        assert out.endswith("\n  failed   EHLO\n")
        assert "Not from here" in err

    def test_what_a_server_says_does_not_drive_the_terminal(self, run, smtp_server):
        smtp_server.script("GREETING", b"220 \x1b[2Jhi\r\n")
        smtp_server.script("EHLO", b"250-hi\r\n250 X\x1b[2J \xe2\x80\xae\r\n")

        status, out, _ = run("check", "--mailer", smtp_server.url)

        assert status == 0
        assert "\x1b" not in out
        assert "\u202e" not in out

    def test_any_terminal_will_do(self, monkeypatch, smtp_server):
        smtp_server.script("GREETING", "220 Grüße")
        stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", stdout)

        assert main(["check", "--mailer", smtp_server.url]) == 0
        assert b"Gr\\xfc\\xdfe" in stdout.buffer.getvalue()

    def test_a_transcript_on_demand(self, run):
        with SMTPServer(starttls=True, users={"ann": SECRET}) as server:
            status, _, err = run("check", "--debug", "--mailer", server.url)

        assert status == 0
        assert "> EHLO" in err
        assert "< 220" in err
        encoded = [response for response in re.findall(r"\S{12,}=*", err) if "czNjcjN0" in response]
        assert not encoded  # base64 of the password's beginning

    def test_no_transcript_otherwise(self, run, smtp_server):
        run("check", "--debug", "--mailer", smtp_server.url)

        assert run("check", "--mailer", smtp_server.url)[2] == ""


class TestAnybodysBackend:
    def test_raises_what_it_likes(self, run):
        status, _, err = run("send", "--mailer", f"{__name__}.Broken", *TO_ANN)

        assert status == 1
        assert err == "simplemail: KeyError: 'x' (--traceback shows where)\n"

    def test_shows_a_url_with_a_password(self, run):
        with override_settings(MAILERS={"default": f"{__name__}.Chatty"}):
            status, _, err = run("send", *TO_ANN)

        assert status == 1
        assert err == "simplemail: No route to api://***@example.com; see the manual\n"

    def test_is_interrupted(self, run):
        status, _, err = run("send", "--mailer", f"{__name__}.Interrupted", *TO_ANN)

        assert (status, err) == (130, "simplemail: Interrupted\n")

    def test_loses_its_connection(self, run):
        """A broken pipe to the server is an error, unlike one to a reader of standard output."""
        status, _, err = run("send", "--mailer", f"{__name__}.Lost", *TO_ANN)

        assert status == 1
        assert err.startswith("simplemail: Broken pipe; ")


class Broken(BaseEmailBackend):
    error: BaseException = KeyError("x")

    def send_envelope(self, envelope):
        raise self.error


class Chatty(Broken):
    error = OSError(f"No route to api://ann:{SECRET}@example.com")
    error.add_note("see the manual")


class Interrupted(Broken):
    error = KeyboardInterrupt()


class Lost(Broken):
    error = BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_configure_is_untouched_afterwards(run):
    configure(EMAIL_URL=None)
    before = repr(simplemail.settings)

    run("send", "--mailer", "memory:", *TO_ANN)

    assert repr(simplemail.settings) == before


def test_a_message_that_may_have_arrived(run, smtp_server):
    smtp_server.script("END", Close(accept=True))

    status, _, err = run("send", "--mailer", smtp_server.url, *TO_ANN)

    assert status == 1
    assert "another try may deliver it twice" in err
    assert len(smtp_server.messages) == 1


def test_a_server_that_hangs_up(run, smtp_server):
    smtp_server.script("MAIL FROM", Close())

    status, _, err = run("send", "--mailer", smtp_server.url, *TO_ANN)

    assert status == 1
    assert err.count("\n") == 1
