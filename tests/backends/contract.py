"""What every backend must do: its tests inherit this class."""

from __future__ import annotations

import pytest

from simplemail import EmailMessage


def a_message(**changes):
    """A message that any server takes, but for these changes."""
    values = {
        "subject": "Subject",
        "body": "Text",
        "from_email": "me@example.com",
        "to": ["ann@example.com"],
    }
    return EmailMessage(**(values | changes))


class BackendContract:
    """Subclasses write `make()`, and `sent()` if what was sent can be seen."""

    def make(self, **options):
        raise NotImplementedError

    def sent(self):
        """How many messages arrived so far, or None if nobody can tell."""
        return

    def check_sent(self, count):
        assert self.sent() in (None, count)

    def test_takes_a_list(self):
        """BEHAVIOUR 35: send_messages() takes lists."""
        assert self.make().send_messages([a_message(), a_message()]) == 2
        self.check_sent(2)

    def test_takes_a_one_shot_iterator(self):
        """BEHAVIOUR 35: ... and iterators, which give their messages once."""
        assert self.make().send_messages(a_message() for _ in range(3)) == 3
        self.check_sent(3)

    def test_sending_nothing_opens_nothing(self):
        """BEHAVIOUR 35: send_messages([]) opens nothing and returns 0."""
        backend = self.make()

        def never():
            raise AssertionError("opened for no message")

        backend.open = never

        assert backend.send_messages([]) == 0
        assert backend.send_messages(iter([])) == 0

    def test_context_manager_returns_itself(self):
        """BEHAVIOUR 35: the context manager opens, returns itself, closes."""
        backend = self.make()

        with backend as entered:
            assert entered is backend
            assert backend.send_messages([a_message()]) == 1
        self.check_sent(1)

    def test_close_is_safe_when_never_opened_and_twice(self):
        """BEHAVIOUR 35."""
        backend = self.make()

        backend.close()
        backend.send_messages([a_message()])
        backend.close()
        backend.close()

    def test_works_again_after_close(self):
        backend = self.make()
        backend.open()
        backend.close()

        assert backend.send_messages([a_message()]) == 1

    def test_a_bad_header_is_never_silenced(self):
        """A mistake in the message is the caller's to know, fail_silently or not (DESIGN, 8)."""
        backend = self.make(fail_silently=True)

        with pytest.raises(ValueError, match="linefeed or carriage return"):
            backend.send_messages([a_message(subject="a\nb")])
        assert backend.send_messages([a_message()]) == 1

    def test_knows_its_alias(self):
        assert self.make().alias is None
        assert self.make(alias="news").alias == "news"

    def test_an_unknown_option_is_refused(self):
        """BEHAVIOUR 6: ours, TypeError without an alias."""
        with pytest.raises(TypeError, match="unknown options 'oops_typo'"):
            self.make(oops_typo=1)

    def test_takes_standard_library_messages(self):
        composed = a_message().message()

        assert self.make().send_messages([composed]) == 1
        self.check_sent(1)

    def test_takes_envelopes(self):
        assert self.make().send_messages([a_message().envelope()]) == 1
        self.check_sent(1)

    def test_a_message_keeps_its_connection_when_copied(self):
        import copy

        backend = self.make()
        message = a_message(connection=backend)

        assert copy.deepcopy(message).connection is backend
