"""Sends through a connection that isn't ours: a user's class, LMTP, a test double."""

from __future__ import annotations

from time import monotonic

from ..exceptions import InvalidMailer, Secret, hiding_frames
from ..light import TYPE_CHECKING, Any
from ..receipts import RecipientReceipt, Reply, Status
from .limits import UNLIMITED, ends_session
from .login import check_unheard
from .replies import disconnected, from_bytes, in_bytes, status_of
from .transaction import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .places import Place
    from .route import Route

# What of an EHLO's answer is asked for in `sendmail()`. Content goes in seven bits, which all
# classes can send: smtplib itself asks for no BODY=8BITMIME.
_ASKED_FOR = ("smtputf8", "dsn")


_OURS_ALONE = {
    "auth": "whose login() chooses a method by itself",
    "connect": "which connects by itself",
    "server_hostname": "which verifies the certificate for the host",
    "ehlo_after_auth": "whose login() greets as it likes",
}
"""Options that smtplib's classes don't have, and why."""


def is_smtplibs_own(kind: Any) -> bool:
    """Is this smtplib.SMTP or SMTP_SSL, without anything in it replaced?"""
    import smtplib

    return (
        type(kind) is type
        and kind.__module__ == "smtplib"
        and kind.__name__ in ("SMTP", "SMTP_SSL")
        and all(
            getattr(getattr(kind, name), "__globals__", None) is vars(smtplib)
            for name in ("send", "getreply", "sendmail")
        )
    )


def connect(kind: Any, route: Route) -> ForeignSession:
    """Open a connection of this class, as Django does. Leaves nothing open if it fails."""
    options: dict[str, Any] = {"local_hostname": route.local_hostname or None}
    if route.timeout is not None:
        options["timeout"] = route.timeout
    if route.source_address is not None:
        options["source_address"] = route.source_address
    if route.implicit:
        options["context"] = route.context
    if isinstance(kind, type):  # and no double of a test
        _check_kept(kind.__qualname__, route)
    smtp = kind(route.host, route.port, **options)
    try:
        _set_up(smtp, route)
    except BaseException:
        smtp.close()
        raise
    return ForeignSession(smtp, route)


def _check_kept(kind: str, route: Route) -> None:
    """Raise InvalidMailer for an option that only our own connections keep."""
    for option, why in _OURS_ALONE.items():
        if getattr(route, option):
            text = f"{option!r} can't be kept with {kind}, {why}; leave one of the two out"
            raise InvalidMailer(text)


def _set_up(smtp: Any, route: Route) -> None:
    if route.context is not None and not route.implicit:
        smtp.starttls(context=route.context)
    if route.username and route.password:
        check_unheard(smtp.sock, route)
        secret = route.password
        if callable(secret.reveal()):
            secret = Secret(secret.reveal()())
        with hiding_frames():  # smtplib keeps it in its own
            smtp.login(route.username, secret.reveal())


class Handover:
    """One message on its way through `sendmail()`, as the transactions of a session are."""

    __slots__ = (
        "begun", "by_recipient", "envelope", "options", "refused", "reply", "sender_reply",
        "ungrouped", "unread",
    )  # fmt: skip

    def __init__(self, envelope: Any, options: tuple[list[str], ...]) -> None:
        self.envelope = envelope
        self.options = options
        self.sender_reply: Reply | None = None
        self.refused: dict[str, Reply] = {}
        self.reply: Reply | None = None
        self.by_recipient: dict[str, RecipientReceipt] = {}
        self.unread = self.ungrouped = False
        self.begun = False

    def note(self, refused: Mapping[str, tuple[int, bytes]]) -> None:
        """Note which recipients were refused, in smtplib's form."""
        self.refused = {name: from_bytes(*answer) for name, answer in refused.items()}

    def judge(self, error: Exception) -> Status:
        """Work out what an error of `sendmail()` means, and note the replies in it."""
        import smtplib

        if isinstance(error, smtplib.SMTPRecipientsRefused):
            self.note(error.recipients)
        elif isinstance(error, smtplib.SMTPResponseException):
            self.reply = from_bytes(error.smtp_code, error.smtp_error)
            if isinstance(error, smtplib.SMTPSenderRefused):
                self.sender_reply = self.reply
            # It expects 250 alone: with another yes, or with nonsense, the server may have it.
            if not 400 <= error.smtp_code < 600:
                return Status.UNKNOWN
        return status_of(error, foreign=True)

    def answer_for(self, name: str) -> Reply | None:
        """Return what the server said about a recipient who was the only one."""
        return self.refused.get(name, self.reply)

    def sum_up(self, errors: Mapping[str, Exception]) -> tuple[Status, Exception | None]:
        """Combine what happened for each recipient."""
        import smtplib

        found = {each.status: name for name, each in self.by_recipient.items()}
        for status in (Status.UNKNOWN, Status.SENT):  # of one is that of all
            if status in found:
                return status, errors.get(found[status])
        answers = {name: in_bytes(reply) for name, reply in self.refused.items()}
        error = smtplib.SMTPRecipientsRefused(answers)
        return status_of(error), error


class ForeignSession:
    """Hands messages over by a connection's `sendmail()`, one at a time, as a session does.

    The connection is greeted and logged in already. While it is `usable`, another message can go
    through it.
    """

    busy = changing = False

    def __init__(self, smtp: Any, route: Route) -> None:
        self.connection = smtp
        self.host = route.host
        self.notify, self.ret = route.notify, route.ret
        self._left_out = route.left_out
        self.place: Place | None = None  # among the connections that may be open
        self.most_recipients = UNLIMITED
        self._most: int | None = None
        self._end: float | None = None
        self.count = 0
        self.usable = True
        self.exhausted = False  # the server wants no more messages in this session
        self._delivered = False  # has it taken any?
        self._greeted = False  # not that we know

    @property
    def features(self) -> Mapping[str, str]:
        offered = getattr(self.connection, "esmtp_features", None)
        if not isinstance(offered, dict):  # of a test's double
            return {}
        names = [name for name in _ASKED_FOR if name not in self._left_out]
        return {name: offered[name] for name in names if name in offered}

    @property
    def is_open(self) -> bool:
        return self.usable and getattr(self.connection, "sock", True) is not None

    @property
    def stale(self) -> bool:
        """Must it be looked at before it is used?"""
        return not (self._greeted and self.is_open)

    @property
    def broken(self) -> bool:
        return not self.usable

    @property
    def settled(self) -> bool:
        return self.count > 0

    @property
    def fresh(self) -> bool:
        return not self.count

    def limit(
        self, messages: int | None, seconds: float | None, recipients: int | None = None
    ) -> None:
        """Take at most so many messages, and none after a time; each to so many recipients."""
        self.most_recipients = recipients or UNLIMITED
        self._most = messages
        self._end = monotonic() + seconds if seconds else None

    def ready(self) -> bool:
        if self._most is not None and self.count >= self._most:
            return False
        if self._end is not None and monotonic() >= self._end:
            return False
        return self.usable and (not self.stale or self.alive())

    def alive(self) -> bool:
        """Return True if a message can be sent now, after asking what the server offers."""
        self._greeted = True
        try:
            if isinstance(getattr(self.connection, "esmtp_features", None), dict):
                self.connection.ehlo_or_helo_if_needed()
        except OSError:
            self.close()
        return self.is_open

    def ahead(self, window: int) -> int:
        return 0

    def retire(self) -> None:
        """Nothing is on its way."""

    def leave(self) -> None:
        """Do nothing: QUIT can't be sent in advance here."""

    def go_without(self, extension: str) -> None:
        """Do nothing: what `sendmail()` uses is its own affair."""

    def prepare(self, envelope: Any, *, chunking: bool = False) -> Handover:
        """Return what can be handed over. Raises what `Session.prepare()` does."""
        offered = self.features
        if envelope.utf8:  # RFC 6531, 3.1: where it is offered, this is, too
            offered = {**offered, "8bitmime": ""}
        mail, rcpt = parameters(envelope, offered, self.host, self.notify, self.ret)
        options = (mail.split(), rcpt.split()) if mail or rcpt else ()
        return Handover(envelope, options)

    def begin(self, handover: Handover) -> None:
        """Nothing is sent yet."""

    def finish(self, handover: Handover) -> tuple[Status, Exception | None]:
        """Send a message, and return its outcome and the exception for it."""
        if handover.begun:
            return Status.UNKNOWN, disconnected("The sending was interrupted")
        if not self.usable:
            return Status.DEFERRED, disconnected("The connection was closed before")
        handover.begun = True
        self.count += 1
        if getattr(self.connection, "ehlo_msg", "") == "lhlo":
            return self._send_one_by_one(handover)
        return self._send(handover, handover.envelope.recipients)

    def _send(
        self, handover: Handover, recipients: Sequence[str]
    ) -> tuple[Status, Exception | None]:
        sender, content = handover.envelope.sender, handover.envelope.content
        try:
            refused = self.connection.sendmail(sender, list(recipients), content, *handover.options)
        except Exception as error:
            self._close_after(error)
            status = handover.judge(error)
            self._consider(handover)
            return status, error
        except BaseException:
            self.close()
            raise
        if isinstance(refused, dict):
            handover.note(refused)
        self._delivered = True
        return Status.SENT, None

    def _consider(self, handover: Handover) -> None:
        """End the session if the server has delivered in it, and wants no more messages in it."""
        answers = [handover.reply, *handover.refused.values()]
        if self._delivered and any(each and ends_session(each) for each in answers):
            self.exhausted = True
            self.quit()

    def _close_after(self, error: Exception) -> None:
        """Close the connection, unless the error is an answer, and the next message can follow."""
        import smtplib

        answers = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)
        if not (isinstance(error, answers) and self.is_open and self._can_be_reset()):
            self.close()

    def _can_be_reset(self) -> bool:
        # smtplib says RSET after some errors, but not where DATA was refused.
        try:
            self.connection.rset()
        except (OSError, AttributeError):  # a test's double may not have it
            return False
        return True

    def _send_one_by_one(self, handover: Handover) -> tuple[Status, Exception | None]:
        """Send a message to each recipient by itself.

        LMTP answers the content once for each (RFC 2033, 4.2), and smtplib reads one answer.
        """
        errors: dict[str, Exception] = {}
        for name in dict.fromkeys(handover.envelope.recipients):
            one = Handover(handover.envelope, handover.options)
            if self.usable:
                status, error = self._send(one, [name])
            else:
                status, error = Status.DEFERRED, disconnected("The connection was lost before")
            reply = one.answer_for(name)
            handover.by_recipient[name] = RecipientReceipt(status, reply)
            if error is not None:
                errors[name] = error
            if status in (Status.REFUSED, Status.DEFERRED):
                handover.refused[name] = reply or Reply(451, str(error), "4.4.2")
        return handover.sum_up(errors)

    def quit(self) -> None:
        """Send QUIT, and close. Never raises, because no message depends on it."""
        try:
            self.connection.quit()
        except OSError:
            self.close()
        self.usable = False
        self._leave()

    def close(self) -> None:
        """Drop the connection. Safe to call twice."""
        self.usable = False
        if hasattr(self.connection, "close"):  # which a test's double may not have
            self.connection.close()
        self._leave()

    def _leave(self) -> None:
        if self.place is not None:
            self.place.leave()
