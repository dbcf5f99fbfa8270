"""The calls that everybody knows: send_mail() and its relatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .backends.handler import choose_mailer
from .backends.options import check_exclusive
from .conf import settings
from .exceptions import ImproperlyConfigured, Secret
from .light import Addresses, Any
from .message import EmailMessage, EmailMultiAlternatives
from .receipts import Receipt
from .rendering.envelope import several


def send_mail(
    subject: object,
    message: str | None,
    from_email: object,
    recipient_list: Addresses | None,
    fail_silently: bool = False,
    auth_user: str | None = None,
    auth_password: str | None = None,
    connection: Any = None,
    html_message: str | None = None,
    *,
    using: str | None = None,
) -> int:
    """Send one message. Everybody in `recipient_list` sees the others in its `To` header.

    - `subject`: the subject line. A line break in it raises BadHeaderError, a ValueError.
    - `message`: the plain text. None makes it of `html_message` by `text_from_html()`; "" is none.
    - `from_email`: the sender, like "Me <me@example.com>". None means the setting
      DEFAULT_FROM_EMAIL. Bounces go to this address.
    - `recipient_list`: a list or tuple of addresses, like ["Ann <ann@example.com>"]. A string
      is a TypeError. Without recipients, nothing is sent.
    - `fail_silently`: if true, a message that can't be delivered is logged as a warning on the
      logger `simplemail` instead of raising. Mistakes in the message or in the configuration
      raise all the same.
    - `auth_user`, `auth_password`: log in to the default mailer with these, instead of what is
      configured. None keeps what is configured.
    - `connection`: the mailer to send through, from `mailers[...]` or `get_connection()`. An open
      one stays open.
    - `html_message`: the same text in HTML. Mail programs show it instead of `message`.
    - `using`: the alias of a mailer in the setting MAILERS.

    Without `connection` and `using`, the default mailer sends the message. `using` excludes
    `connection`, `fail_silently` and `auth_*`; `connection` excludes `fail_silently` and `auth_*`:
    both together are a TypeError.

    Returns the number of messages sent: 1, or 0 if there are no recipients or it failed silently.

    Raises ValueError for a wrong address or header, before anything is sent. Raises
    `smtplib.SMTPException` or another OSError if the message could not be delivered, and
    ImproperlyConfigured if the mailer is configured wrongly. Recipients that the server refuses
    while it takes others are logged as a warning; `deliver()` returns them.
    """
    auth_password = Secret.of(auth_password)
    options = connection_options(using, connection, fail_silently, auth_user, auth_password)
    mail = composed(subject, message, from_email, recipient_list, html_message)
    if len(options) > 1 and any(mail.to):  # a login of its own
        connection, fail_silently = choose_mailer(None, None, **options), False
    mail.connection = connection
    return mail.send(fail_silently, using=using)


def send_mass_mail(
    datatuple: Iterable[Sequence[Any]],
    fail_silently: bool = False,
    auth_user: str | None = None,
    auth_password: str | None = None,
    connection: Any = None,
    *,
    using: str | None = None,
) -> int:
    """Send many messages over one connection.

    - `datatuple`: any iterable of (subject, message, from_email, recipient_list). Its items are
      taken one at a time, so that it can be a generator. (A backend written for Django, with a
      `send_messages()` of its own, gets all of them in a list.)
    - `fail_silently`: if true, messages that can't be delivered are logged as warnings on the
      logger `simplemail`, and the others are sent.
    - `auth_user`, `auth_password`: log in to the default mailer with these, instead of what is
      configured.
    - `connection`: the mailer to send through, from `mailers[...]` or `get_connection()`.
    - `using`: the alias of a mailer in the setting MAILERS.

    `using`, `connection` and the others exclude each other as in `send_mail()`.

    Returns the number of messages sent. The first failure raises, with the exceptions of
    `send_mail()`; the messages before it have been sent, and the exception's `receipts` list them.
    """
    auth_password = Secret.of(auth_password)
    options = connection_options(using, connection, fail_silently, auth_user, auth_password)
    mailer = choose_mailer(using, connection, **options)
    messages = _messages(datatuple, mailer)
    # A send_messages() written for Django was promised a list, and may ask for its length.
    # From a list, the SMTP backend sends the commands of each message with the one before.
    from .backends.base import BaseEmailBackend

    lazy = isinstance(mailer, BaseEmailBackend) and not (
        mailer.has_own_send_messages() or isinstance(datatuple, (list, tuple))
    )
    sent: int = mailer.send_messages(messages if lazy else list(messages))
    return sent


def _messages(datatuple: Any, mailer: Any) -> Iterator[EmailMessage]:
    if not isinstance(datatuple, Iterable):
        kind = type(datatuple).__name__
        raise TypeError(f"{_DATATUPLE}, not {kind}")
    for number, data in enumerate(datatuple):
        try:
            subject, message, sender, recipients = data
        except (TypeError, ValueError) as error:
            kind = type(data).__name__
            found = f"has {len(data)}" if isinstance(data, (tuple, list)) else f"is {kind}"
            raise ValueError(f"{_DATATUPLE}; item {number} {found}") from error
        yield EmailMessage(subject, message, sender, recipients, connection=mailer)


_DATATUPLE = "send_mass_mail() takes (subject, message, from_email, recipient_list) for each mail"


def mail_admins(
    subject: object,
    message: str | None,
    fail_silently: bool = False,
    connection: Any = None,
    html_message: str | None = None,
    *,
    using: str | None = None,
) -> None:
    """Send one message to the addresses in the setting ADMINS. The sender is SERVER_EMAIL.

    - `subject`: the subject line. EMAIL_SUBJECT_PREFIX is put before it.
    - `message`: the plain text.
    - `fail_silently`: if true, a failed delivery is logged as a warning instead of raising.
    - `connection`: the mailer to send through, from `mailers[...]` or `get_connection()`.
    - `html_message`: the same text in HTML.
    - `using`: the alias of a mailer in the setting MAILERS. It excludes `connection` and
      `fail_silently`, and these two exclude each other: TypeError.

    Does nothing if ADMINS is empty. Raises ImproperlyConfigured if ADMINS isn't a list of
    addresses, and what `send_mail()` raises.
    """
    check_exclusive(using=using, connection=connection, fail_silently=fail_silently)
    mail = message_to("ADMINS", subject, message, html_message, connection)
    if mail is not None:
        mail.send(fail_silently, using=using)


def mail_managers(
    subject: object,
    message: str | None,
    fail_silently: bool = False,
    connection: Any = None,
    html_message: str | None = None,
    *,
    using: str | None = None,
) -> None:
    """Send one message to the addresses in the setting MANAGERS. The sender is SERVER_EMAIL.

    `subject`, `message`, `fail_silently`, `connection`, `html_message` and `using` are those of
    `mail_admins()`, and so are the exceptions.
    """
    check_exclusive(using=using, connection=connection, fail_silently=fail_silently)
    mail = message_to("MANAGERS", subject, message, html_message, connection)
    if mail is not None:
        mail.send(fail_silently, using=using)


def deliver(messages: Iterable[Any], *, using: str | None = None) -> list[Receipt]:
    """Send messages, and return a list with one `Receipt` for each, in the same order.

    - `messages`: any iterable of messages, envelopes or messages of Python's `email` package.
    - `using`: the alias of a mailer in the setting MAILERS; without it, the default mailer.

    A message that fails doesn't raise, and doesn't stop the others: its receipt has the error.
    Raises only for problems that aren't a message's, such as ImproperlyConfigured.
    """
    return list(iter_deliver(messages, using=using))


def iter_deliver(messages: Iterable[Any], *, using: str | None = None) -> Iterator[Receipt]:
    """Send messages, and yield one `Receipt` for each, in order, as soon as its fate is known.

    - `messages`: any iterable of messages, envelopes or messages of Python's `email` package. It
      is read as receipts are asked for, so a million messages need no more memory than a few.
    - `using`: the alias of a mailer in the setting MAILERS; without it, the default mailer.

    A message that fails doesn't raise, and doesn't stop the others: its receipt has the error.
    Raises only for problems that aren't a message's, such as ImproperlyConfigured.

    Nothing is sent before the first receipt is asked for. If you stop early, messages that were
    already handed over are finished, but yield no receipt. To get every receipt, end `messages`
    instead.
    """
    messages = several(messages)
    mailer = choose_mailer(using, None)
    receipts: Iterator[Receipt] = mailer.iter_deliver(messages)
    return receipts


def connection_options(
    using: str | None,
    connection: Any,
    fail_silently: bool,
    auth_user: str | None,
    auth_password: str | None,
) -> dict[str, Any]:
    """Raise for arguments that exclude each other; return the options for the mailer."""
    check_exclusive(
        using=using,
        connection=connection,
        fail_silently=fail_silently,
        auth_user=auth_user,
        auth_password=auth_password,
    )
    options = {"username": auth_user, "password": auth_password}
    given = {name: value for name, value in options.items() if value is not None}
    return {"fail_silently": fail_silently, **given}


def composed(
    subject: object,
    message: str | None,
    from_email: object,
    recipient_list: Addresses | None,
    html_message: str | None,
) -> EmailMultiAlternatives:
    """Make the message that `send_mail()` sends; a text that is None is made of the HTML."""
    if message is None and html_message:
        from .rendering.plain_text import text_from_html

        message = text_from_html(str(html_message))
    mail = EmailMultiAlternatives(subject, message, from_email, recipient_list)
    if html_message:
        mail.attach_alternative(html_message, "text/html")
    return mail


def message_to(
    setting: str, subject: object, message: str | None, html_message: str | None, connection: Any
) -> EmailMultiAlternatives | None:
    """Make the message to those in ADMINS or MANAGERS; None if the setting is empty."""
    addresses = addresses_of(setting)
    if not addresses:
        return None
    subject = f"{settings.EMAIL_SUBJECT_PREFIX!s}{subject!s}"
    mail = composed(subject, message or "", settings.SERVER_EMAIL, addresses, html_message)
    mail.connection = connection
    return mail


def addresses_of(setting: str) -> list[str]:
    """Return the addresses in ADMINS or MANAGERS, which may be (name, address) pairs (Django < 6).

    Raises ImproperlyConfigured, naming the setting, for anything else.
    """
    entries = getattr(settings, setting)
    if not entries:
        return []
    if isinstance(entries, (list, tuple)):
        if all(isinstance(entry, (list, tuple)) and len(entry) == 2 for entry in entries):
            entries = [address for _, address in entries]
        if all(map(_is_address, entries)) and not _is_lone_pair(entries):
            return [str(entry) for entry in entries]
    raise ImproperlyConfigured(
        f"The {setting} setting must be a list of email address strings, "
        f"like ['ann@example.com'], not {entries!r}"
    )


def _is_lone_pair(entries: Sequence[Any]) -> bool:
    """Is this ("Ann", "ann@example.com"): one pair, without the list around it?"""
    return len(entries) == 2 and "@" not in str(entries[0]) and "@" in str(entries[1])


def _is_address(entry: object) -> bool:
    # Text, or what has a text form of its own: an Address, or a lazy string. Numbers and
    # containers have none but their repr(), though PyPy gives some a __str__.
    has_none = isinstance(entry, (bytes, int, float, complex))
    has_text = type(entry).__str__ is not object.__str__ and not has_none
    return has_text and bool(str(entry).strip())
