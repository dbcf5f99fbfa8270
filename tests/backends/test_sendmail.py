"""The `sendmail` backend: what the program gets, and what its end means for the message."""

import errno
import os
import signal
import subprocess

import pytest

from simplemail import EmailMessage, Envelope, InvalidMailer, Status, get_connection
from simplemail.backends import sendmail
from simplemail.testing.contract import BackendContract

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a POSIX system")

TAKES = """\
number=$(ls "$0".taken | wc -l)
for word in "$@"; do printf '%s\\n' "$word"; done >"$0".taken/$number.arguments
cat >"$0".taken/$number.content
"""


class Script:
    """A program that stands for sendmail, and what it got."""

    def __init__(self, directory):
        self.path = directory / "send mail; $(exit)"  # no shell reads this
        self.taken = directory / f"{self.path.name}.taken"
        self.taken.mkdir()
        self.does(TAKES)

    def does(self, body):
        self.path.write_text(f"#!/bin/sh\n{body}\n")
        self.path.chmod(0o755)

    @property
    def arguments(self):
        return [path.read_text().splitlines() for path in sorted(self.taken.glob("*.arguments"))]

    @property
    def contents(self):
        return [path.read_bytes() for path in sorted(self.taken.glob("*.content"))]


@pytest.fixture
def script(tmp_path):
    return Script(tmp_path)


@pytest.fixture
def deliver(script):
    """Hand over one message to these recipients, and return its receipt."""

    def deliver(*to, sender="me@example.com", content=None, **options):
        mailer = get_connection("sendmail", program=script.path, **options)
        message = EmailMessage("Hi", "Text", sender, to or ["ann@example.com"])
        [receipt] = mailer.deliver([message if content is None else content])
        return receipt

    return deliver


class TestContract(BackendContract):
    @pytest.fixture(autouse=True)
    def program(self, script):
        self.script = script

    def make(self, **options):
        return sendmail.EmailBackend(program=self.script.path, **options)

    def sent(self):
        return len(self.script.contents)


class TestHandingOver:
    def test_the_envelope_is_in_the_arguments(self, deliver, script):
        receipt = deliver("ann@example.com", "bob@example.com")

        assert script.arguments == [
            ["-i", "-f", "me@example.com", "--", "ann@example.com", "bob@example.com"]
        ]
        assert receipt.status is Status.SENT
        assert str(receipt.reply) == f"250 taken by {script.path}"

    def test_the_message_has_the_line_ends_of_unix(self, deliver, script):
        content = b"From: me@example.com\r\nTo: ann@example.com\r\n\r\n.\r\nline\r\n\r\n"

        deliver(content=content)

        assert script.contents == [content.replace(b"\r\n", b"\n")]

    def test_the_message_needs_no_8_bit_server(self, script):
        message = EmailMessage("Grüße", "Grüße", "me@example.com", ["ann@example.com"])

        get_connection("sendmail", program=script.path).send_messages([message])

        assert script.contents[0].isascii()

    def test_a_sender_of_nobody(self, deliver, script):
        envelope = Envelope.of(EmailMessage(to=["ann@example.com"]), sender="")

        deliver(content=envelope)

        assert script.arguments == [["-i", "-f", "", "--", "ann@example.com"]]

    def test_addresses_beyond_ascii_are_utf_8(self, deliver, script, monkeypatch):
        monkeypatch.setenv("LC_ALL", "C")

        deliver("jürgen@example.com")

        assert script.arguments[0][-1] == "jürgen@example.com"

    def test_arguments_of_ones_own_come_first(self, deliver, script):
        deliver(arguments=["-a", "two words"])

        assert script.arguments[0][:3] == ["-a", "two words", "-i"]

    @pytest.mark.parametrize("address", ["-oQ/tmp@example.com", "-@example.com"])
    def test_an_address_that_looks_like_an_option_is_refused(self, address, deliver, script):
        for receipt in (deliver(address), deliver(sender=address)):
            assert receipt.status is Status.REFUSED
            assert repr(address) in str(receipt.error)
        assert script.contents == []

    def test_such_an_address_among_many_keeps_the_message_from_all(self, deliver, script):
        """No batch is handed over before all are known to be right."""
        to = [*(f"{number}@{'x' * 60}.example" for number in range(1000)), "-oQ@example.com"]

        receipt = deliver(*to)

        assert receipt.status is Status.REFUSED
        assert "'-oQ@example.com'" in str(receipt.error)
        assert script.contents == []

    def test_more_recipients_than_a_command_line_holds(self, deliver, script):
        to = [f"{number}@{'x' * 60}.example" for number in range(4000)]

        receipt = deliver(*to)

        assert len(script.arguments) > 3
        assert all(sum(map(len, words)) < 64_000 for words in script.arguments)
        assert sorted(name for words in script.arguments for name in words[4:]) == sorted(to)
        assert len(set(script.contents)) == 1
        assert receipt.status is Status.SENT
        assert set(receipt.recipients) == set(to)

    def test_some_of_many_are_refused(self, deliver, script):
        script.does('cat >/dev/null; case "$*" in *" last@"*) echo none >&2; exit 67;; esac')
        to = [*(f"{number}@{'x' * 60}.example" for number in range(1000)), "last@example.com"]

        receipt = deliver(*to)

        assert receipt.status is Status.SENT
        assert receipt.recipients["0@" + "x" * 60 + ".example"].status is Status.SENT
        assert receipt.recipients["last@example.com"].status is Status.REFUSED
        assert receipt.refused["last@example.com"].enhanced == "5.1.1"

    def test_some_of_many_find_the_program_gone(self, deliver, script, caplog):
        script.does('cat >/dev/null; rm "$0"')
        to = [f"{number}@{'x' * 60}.example" for number in range(1000)]

        receipt = deliver(*to)

        assert receipt.status is Status.SENT
        late = {name for name, one in receipt.recipients.items() if one.status is Status.DEFERRED}
        assert 0 < len(late) < len(to)
        assert set(receipt.refused) == late
        assert "can't be run: No such file" in receipt.refused[to[-1]].text
        assert f"{len(late)} of {len(to)} recipients" in caplog.text

    def test_what_became_of_some_of_many_is_unknown(self, deliver, script):
        script.does('cat >/dev/null; case "$*" in *" last@"*) exit 1;; esac')
        to = [*(f"{number}@{'x' * 60}.example" for number in range(1000)), "last@example.com"]

        receipt = deliver(*to)

        assert receipt.status is Status.UNKNOWN
        assert receipt.error is not None
        assert receipt.recipients["0@" + "x" * 60 + ".example"].status is Status.SENT
        assert receipt.recipients["last@example.com"].status is Status.UNKNOWN


class TestItsEnd:
    PERMANENT = (64, 65, 66, 67, 68, 77)

    @pytest.mark.parametrize("status", range(64, 79))
    def test_a_status_of_sysexits(self, status, deliver, script):
        script.does(f"cat >/dev/null; echo 'what went wrong' >&2; exit {status}")

        receipt = deliver()

        permanent = status in self.PERMANENT
        assert receipt.status is (Status.REFUSED if permanent else Status.DEFERRED)
        assert f"(status {status}): what went wrong" in receipt.reply.text
        assert receipt.reply.code == receipt.error.smtp_code

    @pytest.mark.parametrize("status", [1, 2, 63, 79, 126, 127, 255])
    def test_any_other_status_tells_nothing(self, status, deliver, script):
        script.does(f"cat >/dev/null; exit {status}")

        receipt = deliver()

        assert receipt.status is Status.UNKNOWN
        assert f"ended with status {status}" in str(receipt.error)

    @pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV"])
    def test_by_a_signal(self, name, deliver, script):
        script.does(f"kill -{name} $$")

        receipt = deliver()

        assert receipt.status is Status.UNKNOWN
        assert f"was killed by the signal SIG{name}" in str(receipt.error)

    @pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="no real-time signals here")
    def test_by_a_signal_without_a_name(self, deliver, script):
        number = signal.SIGRTMIN + 1
        script.does(f"kill -{number} $$")

        receipt = deliver()

        assert receipt.status is Status.UNKNOWN
        assert f"was killed by the signal {number}" in str(receipt.error)

    def test_not_in_time(self, deliver, script, tmp_path):
        script.does(f"echo $$ >'{tmp_path}/pid'; exec sleep 60")

        receipt = deliver(timeout=0.5)

        assert receipt.status is Status.UNKNOWN
        assert "didn't finish within 0.5 s" in str(receipt.error)
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)

    def test_not_in_time_and_out_of_reach(self, deliver, script, monkeypatch):
        """Exim's becomes another user, and may not be killed. It may deliver the message yet."""
        started = []

        class AnotherUsers(subprocess.Popen):
            def kill(self):
                started.append(self)
                raise PermissionError(errno.EPERM, "Operation not permitted")

        script.does("exec sleep 60")
        monkeypatch.setattr(subprocess, "Popen", AnotherUsers)

        receipt = deliver(timeout=0.3)

        [program] = started
        program.send_signal(signal.SIGKILL)
        program.wait()
        assert receipt.status is Status.UNKNOWN
        assert "didn't finish within 0.3 s" in str(receipt.error)

    def test_before_it_has_read_the_message(self, deliver, script):
        """Status 0 from a program that can't have it."""
        script.does("exit 0")

        receipt = deliver()

        assert receipt.status is Status.UNKNOWN
        assert "octets of the message unread" in str(receipt.error)

    def test_in_the_middle_of_a_long_message(self, deliver, script):
        script.does("head -c 100000 >/dev/null; exit 0")
        content = b"From: me@example.com\r\nTo: ann@example.com\r\n\r\n" + b"text\r\n" * 200_000

        assert deliver(content=content).status is Status.UNKNOWN

    def test_after_it_complained_at_length(self, deliver, script):
        script.does("cat >/dev/null; yes complaint | head -c 3000000 >&2; exit 75")

        assert len(deliver().reply.text) < 3000

    def test_it_writes_to_standard_output(self, deliver, script, capfd):
        script.does("cat")

        assert deliver().status is Status.SENT
        assert capfd.readouterr().out == ""

    def test_it_is_not_there(self, deliver, script):
        script.path.unlink()

        receipt = deliver()

        assert receipt.status is Status.DEFERRED
        said = "can't be run: No such file or directory; install a mail server or msmtp, or give"
        assert f"{said} 'program'" in str(receipt.error)

    def test_it_may_not_be_run(self, deliver, script):
        script.path.chmod(0o644)

        assert deliver().status is Status.DEFERRED

    @pytest.mark.parametrize("text", ["echo hi\n", "", "#!/no/such/interpreter\n"])
    def test_it_is_no_program(self, text, deliver, script):
        script.path.write_text(text)

        receipt = deliver()

        assert receipt.status is Status.DEFERRED
        assert f"{script.path} can't be run: " in str(receipt.error)
        assert "give 'program'" in str(receipt.error)

    def test_the_machine_has_no_room_for_it(self, deliver, monkeypatch):
        """The reason alone: another program wouldn't help."""

        def full(*args, **options):
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

        monkeypatch.setattr(subprocess, "Popen", full)

        receipt = deliver()

        assert receipt.status is Status.DEFERRED
        assert str(receipt.error).endswith("can't be run: Resource temporarily unavailable")

    def test_failures_may_be_silenced(self, script):
        script.does("exit 75")
        mailer = get_connection("sendmail", program=script.path, fail_silently=True)

        assert mailer.send_messages([EmailMessage("a", "b", "c@d.example", ["e@f.example"])]) == 0

    def test_an_interrupt_ends_it(self, script, monkeypatch):
        script.does("exec sleep 60")
        started = []

        class Interrupted(subprocess.Popen):
            def wait(self, timeout=None):
                if timeout is None:
                    return super().wait()
                started.append(self)
                raise KeyboardInterrupt

        monkeypatch.setattr(subprocess, "Popen", Interrupted)
        mailer = get_connection("sendmail", program=script.path)

        message = EmailMessage("a", "b", "c@d.example", ["e@f.example"])
        with pytest.raises(KeyboardInterrupt) as caught:
            mailer.send_messages([message])

        [receipt] = caught.value.receipts
        assert (receipt.message, receipt.status) == (message, Status.UNKNOWN)
        [program] = started
        assert program.returncode == -signal.SIGKILL


class TestOptions:
    def test_by_url(self, script, tmp_path):
        mailer = get_connection(f"sendmail:{tmp_path / 'msmtp'}?timeout=5")

        assert (mailer.program, mailer.timeout) == (str(tmp_path / "msmtp"), 5.0)

    def test_the_program_is_found(self, monkeypatch, script, tmp_path):
        monkeypatch.setattr(sendmail, "PLACES", (str(tmp_path / "none"), str(script.path)))
        assert get_connection("sendmail:").program == str(script.path)

        monkeypatch.setattr(sendmail, "PLACES", (str(tmp_path / "none"),))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        assert get_connection("sendmail").program == str(tmp_path / "none")

        (tmp_path / "bin").mkdir()
        script.path.rename(tmp_path / "bin" / "sendmail")
        assert get_connection("sendmail").program == str(tmp_path / "bin" / "sendmail")

    def test_a_timeout_that_is_none(self):
        with pytest.raises(InvalidMailer, match="'timeout' must be a number"):
            get_connection("sendmail", timeout=0)

    def test_checks_itself(self, script):
        mailer = get_connection("sendmail", program=script.path)
        assert [step.detail for step in mailer.check()] == [f"{script.path} can be run"]
        assert mailer.describe() == f"the program {script.path}"

        script.path.chmod(0o644)
        with pytest.raises(PermissionError, match="can't be run: Permission denied; install"):
            mailer.check()
        script.path.unlink()
        with pytest.raises(FileNotFoundError, match="can't be run: No such file or directory"):
            mailer.check()
