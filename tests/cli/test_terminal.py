"""An exception reads as one sentence, whoever raised it."""

import smtplib

import pytest

from simplemail.cli.terminal import sentence


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (smtplib.SMTPDataError(554, b"5.6.0 Spam"), "554 5.6.0 Spam"),
        (smtplib.SMTPAuthenticationError(535, "No; try again"), "535 No; try again"),
        (smtplib.SMTPServerDisconnected("Gone"), "Gone"),
        (
            smtplib.SMTPSenderRefused(553, b"No", "ann@example.com"),
            "The sender ann@example.com was refused: 553 No",
        ),
        (
            smtplib.SMTPRecipientsRefused({"a@b": (550, b"No"), "c@d": (451, b"Later")}),
            "No recipient was accepted (a@b: 550 No; c@d: 451 Later)",
        ),
        (FileNotFoundError(2, "No such file", "/x"), "/x: No such file"),
        (ValueError("Wrong"), "Wrong"),
        (ValueError(), "ValueError:  (--traceback shows where)"),
    ],
)
def test_an_error_in_words(error, words):
    assert sentence(error) == words


def test_notes_are_part_of_it():
    error = OSError("Lost")
    error.add_note("look at the cable")

    assert sentence(error) == "Lost; look at the cable"
