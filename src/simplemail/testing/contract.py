"""What every backend must do, as tests: whoever writes one inherits them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from ..message import EmailMessage
from ..receipts import Status


def a_message(**changes: Any) -> EmailMessage:
    """Return a message that any server takes, but for these changes."""
    values = {
        "subject": "Subject",
        "body": "Text",
        "from_email": "me@example.com",
        "to": ["ann@example.com"],
    }
    return EmailMessage(**(values | changes))


class BackendContract:
    """Inherit this in a test class, write `make()`, and let pytest run it.

        class TestPaper(BackendContract):
            def make(self, **options):
                return paper.EmailBackend(**options)

    If tests can see what arrived, write `sent()` too. `make()` passes the options on: `alias`,
    `fail_silently`, and one that no backend knows. Nothing else is needed: no fixture, no plugin.
    The backend is a child of `BaseEmailBackend`; each test makes its own.
    """

    def make(self, **options: Any) -> Any:
        """Return a new backend, ready to open, with `options` besides those that it needs."""
        raise NotImplementedError(f"{type(self).__name__} must write make(self, **options)")

    def sent(self) -> int | None:
        """Return how many messages arrived since the test began, or None if nobody can tell."""
        return None

    def check_sent(self, count: int) -> None:
        """Assert that `count` messages arrived, if `sent()` can tell."""
        assert self.sent() in (None, count)

    # Sending

    def test_takes_a_list(self) -> None:
        """send_messages() takes lists, and returns how many messages were sent."""
        assert self.make().send_messages([a_message(), a_message()]) == 2
        self.check_sent(2)

    def test_takes_a_one_shot_iterator(self) -> None:
        """send_messages() takes iterators, which give their messages once."""
        assert self.make().send_messages(a_message() for _ in range(3)) == 3
        self.check_sent(3)

    def test_takes_standard_library_messages(self) -> None:
        composed = a_message().message()

        assert self.make().send_messages([composed]) == 1
        self.check_sent(1)

    def test_takes_envelopes(self) -> None:
        assert self.make().send_messages([a_message().envelope()]) == 1
        self.check_sent(1)

    def test_takes_the_bytes_of_a_message(self) -> None:
        """deliver() takes what is in an .eml file, and so it does as one message among others."""
        receipts = self.make().deliver([a_message().as_bytes(), a_message()])

        assert [receipt.error for receipt in receipts] == [None, None]
        self.check_sent(2)

    def test_sending_changes_nothing_in_the_message(self) -> None:
        message = a_message(cc=["bob@example.com"], headers={"Message-ID": "<1@example.com>"})
        before = message.message().as_bytes().partition(b"\nDate:")[0]

        self.make().send_messages([message])

        assert message.message().as_bytes().partition(b"\nDate:")[0] == before
        assert message.connection is None

    # Opening and closing

    def test_sending_nothing_opens_nothing(self) -> None:
        """send_messages([]) opens nothing and returns 0."""
        backend = self.make()

        def never() -> None:
            raise AssertionError("opened for no message")

        backend.open = never

        assert backend.send_messages([]) == 0
        assert backend.send_messages(iter([])) == 0

    def test_context_manager_returns_itself(self) -> None:
        """The context manager opens, returns itself, closes."""
        backend = self.make()

        with backend as entered:
            assert entered is backend
            assert backend.send_messages([a_message()]) == 1
        self.check_sent(1)

    def test_close_is_safe_when_never_opened_and_twice(self) -> None:
        backend = self.make()

        backend.close()
        backend.send_messages([a_message()])
        backend.close()
        backend.close()

    def test_works_again_after_close(self) -> None:
        backend = self.make()
        backend.open()
        backend.close()

        assert backend.send_messages([a_message()]) == 1

    # Mistakes, which are the caller's to know

    def test_a_bad_header_is_never_silenced(self) -> None:
        """A mistake in the message raises, fail_silently or not; what comes next is sent."""
        backend = self.make(fail_silently=True)

        with pytest.raises(ValueError, match="linefeed or carriage return"):
            backend.send_messages([a_message(subject="a\nb")])
        assert backend.send_messages([a_message()]) == 1

    def test_an_unknown_option_is_refused(self) -> None:
        """Without an alias, as TypeError; `super().__init__(**options)` does it."""
        with pytest.raises(TypeError, match=r"unknown options? 'oops_typo'"):
            self.make(oops_typo=1)

    def test_knows_its_alias(self) -> None:
        assert self.make().alias is None
        assert self.make(alias="news").alias == "news"

    # Receipts

    def test_a_receipt_for_each_message_in_order(self) -> None:
        """deliver() returns a receipt for each; a mistake in one doesn't stop the others."""
        messages = [a_message(), a_message(subject="a\nb"), a_message()]

        receipts = self.make().deliver(messages)

        statuses = [receipt.status for receipt in receipts]
        assert statuses == [Status.SENT, Status.REFUSED, Status.SENT]
        assert [receipt.message for receipt in receipts] == messages
        self.check_sent(2)

    def test_takes_messages_lazily(self) -> None:
        """iter_deliver() takes them from a generator, a few ahead at most."""
        given = []

        def messages() -> Iterator[EmailMessage]:
            for number in range(1000):
                given.append(number)
                yield a_message()

        receipts = self.make().iter_deliver(messages())

        assert next(receipts).status is Status.SENT
        receipts.close()
        assert len(given) < 1000

    # Copies

    def test_a_message_keeps_its_connection_when_copied(self) -> None:
        backend = self.make()
        message = a_message(connection=backend)

        assert copy.deepcopy(message).connection is backend
