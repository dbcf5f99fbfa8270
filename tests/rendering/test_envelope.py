import json
import pickle
from email import message_from_bytes, policy
from email.message import EmailMessage as StdlibMessage

import pytest

from simplemail import EmailMessage
from simplemail.rendering.envelope import Envelope, several


def message(**attributes):
    made = EmailMessage("Subject", "Hello\n", "Ann <a@b.example>", ["c@d.example"])
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


EML = b"""\
From: Ann <a@b.example>
To: =?utf-8?q?Z=C3=BC=2C?= <c@d.example>,
 e@f.example
Cc: Group: g@h.example;
Bcc: blind@i.example,
\tsecond@i.example
Message-ID: <1@b.example>
Subject: Hello

Bcc: not a header
"""


def test_envelope_has_what_smtp_needs():
    """django-compatibility 42: the domains in ASCII, the order to, cc, bcc."""
    made = message(cc=["C <x@bücher.example>"], bcc=["y@z.example", ""])

    envelope = Envelope.of(made)

    assert envelope.sender == "a@b.example"
    assert envelope.recipients == ("c@d.example", "x@xn--bcher-kva.example", "y@z.example")
    assert not envelope.eight_bit
    assert not envelope.utf8
    parsed = message_from_bytes(envelope.content, policy=policy.default)
    assert parsed["Message-ID"] == envelope.message_id
    assert b"y@z.example" not in envelope.content


@pytest.mark.parametrize(
    ("field", "message_id"),
    [
        ("Message-ID: <1@b.example>", "<1@b.example>"),
        ("message-id:<1@b.example> ", "<1@b.example>"),
        ("Message-ID : <1@b.example>", "<1@b.example>"),
        ("Message-ID:\n <1@b.example>", "<1@b.example>"),
        ("Message-ID: <1@\n\tb.example>", "<1@\tb.example>"),
        ("Message-ID-Of: <2@b.example>\nMessage-ID: <1@b.example>", "<1@b.example>"),
        ("Message-ID: <1@b.example>\nMessage-ID: <2@b.example>", "<1@b.example>"),
        ("Message-ID:", ""),
        ("X-Message-ID: <2@b.example>", ""),
    ],
)
def test_the_message_id_is_read_in_every_form(field, message_id):
    eml = f"From: a@b.example\n{field}\nTo: c@d.example\n\nMessage-ID: <3@b.example>\n"

    assert Envelope.of(eml.encode()).message_id == message_id


@pytest.mark.parametrize("name", ["Bcc", "bcc ", "BCC", "Resent-Bcc"])
def test_blind_copies_are_taken_out_in_every_form(name):
    eml = f"From: a@b.example\nTo: c@d.example\n{name}: x@y.example,\n z@y.example\n\nHello\n"

    assert b"y.example" not in Envelope.of(eml.encode(), recipients=["c@d.example"]).content


def test_envelope_never_comes_from_overridden_headers():
    """django-compatibility 19, 42."""
    envelope = Envelope.of(message(extra_headers={"From": "x@y.example", "To": "list@y.example"}))

    assert envelope[:2] == ("a@b.example", ("c@d.example",))
    assert b"From: x@y.example" in envelope.content


@pytest.mark.parametrize(
    "attributes", [{"to": ["a@b.example, c@d.example"]}, {"from_email": "a@b\r\n"}, {"bcc": ["x@"]}]
)
def test_envelope_takes_exactly_one_mailbox_each(attributes):
    """django-compatibility 42."""
    with pytest.raises(ValueError, match=r"Invalid address|linefeed or carriage return"):
        Envelope.of(message(**attributes))


def test_envelope_says_what_the_server_must_be_able_to_take():
    eight = message(body="Grüße\n")
    named = message(subject="Grüße")
    international = message(to=["jürgen@d.example"])

    assert Envelope.of(eight).eight_bit
    assert not Envelope.of(eight, eight_bit=False).eight_bit
    assert not Envelope.of(named, utf8=True).utf8
    assert Envelope.of(international, utf8=True).utf8
    assert Envelope.of(message(bcc=["jürgen@d.example"]), utf8=True).utf8
    with pytest.raises(ValueError, match="SMTPUTF8"):
        Envelope.of(international)


def test_envelope_of_an_envelope_is_itself():
    envelope = Envelope.of(message())

    assert Envelope.of(envelope) is envelope


def test_repr_shows_no_content():
    assert "Hello" not in repr(Envelope.of(message()))


def test_envelope_travels():
    envelope = Envelope.of(message(body="Grüße\n"))

    assert pickle.loads(pickle.dumps(envelope)) == envelope
    again = Envelope.from_json(envelope.to_json())
    assert again == envelope
    assert type(again.recipients) is tuple


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value|Unexpected"),  # CPython's words, and PyPy's
        (b"\xff", "can't decode byte"),
        ("[]", "it is of type list"),
        ("{}", "its version is None"),
        ("[" * 200_000, "it is nested too deep"),
        ('{"version": 1, "content": ' + "[" * 200_000, "it is nested too deep"),
        ('{"version": 2}', "its version is 2, and only 1 is known"),
        ('{"version": 1}', "'content' is missing"),
    ],
)
def test_json_that_is_no_envelope_is_refused(text, why):
    with pytest.raises(ValueError, match=f"^This is not an envelope in JSON: .*{why}"):
        Envelope.from_json(text)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"recipients": "bob"}, "'recipients' is of type str, not list"),
        ({"recipients": [None]}, "one of 'recipients' isn't text"),
        ({"message_id": 5}, "'message_id' is of type int"),
        ({"eight_bit": "yes"}, "'eight_bit' is of type str"),
        ({"utf8": 1}, "'utf8' is of type int"),
        ({"sender": None}, "'sender' is of type NoneType, not str"),
        ({"content": "!"}, "base64"),
        ({"content": "é"}, "ASCII"),
        ({"more": 1}, "'more' is missing, or isn't known"),
        ({"sender": "a@b.example\r\nRSET"}, "Invalid address"),
        ({"recipients": ["a@evil.example,b@b.example"]}, "Invalid address"),
        ({"content": "QQpC"}, "bare CR or LF"),
        ({"message_id": "<1@x>\r\nBcc: y"}, "Message-ID is printable text"),
    ],
)
def test_json_says_which_value_is_wrong(changes: dict[str, object], why: str) -> None:
    fields = {**json.loads(Envelope.of(message()).to_json()), **changes}

    with pytest.raises(ValueError, match=f"^This is not an envelope in JSON: .*{why}"):
        Envelope.from_json(json.dumps(fields))


def test_json_is_versioned():
    assert json.loads(Envelope.of(message()).to_json())["version"] == 1


def test_eml_is_addressed_by_its_header_and_only_bcc_goes():
    for data in (EML, bytearray(EML), EML.replace(b"\n", b"\r\n")):
        envelope = Envelope.of(data)

        assert envelope.sender == "a@b.example"
        assert envelope.recipients == (
            "c@d.example",
            "e@f.example",
            "g@h.example",
            "blind@i.example",
            "second@i.example",
        )
        assert envelope.message_id == "<1@b.example>"
        blind = b"Bcc: blind@i.example,\r\n\tsecond@i.example\r\n"
        assert envelope.content == EML.replace(b"\n", b"\r\n").replace(blind, b"")


def test_eml_goes_where_the_caller_says():
    envelope = Envelope.of(EML, sender="x@y.example", recipients=["Z <z@y.example>"])

    assert envelope[:2] == ("x@y.example", ("z@y.example",))
    assert Envelope.of(EML, sender="").sender == ""


def test_eml_that_was_resent_goes_to_the_new_recipients():
    """RFC 5322, 3.6.6."""
    resent = b"Resent-Date: today\nResent-From: r@s.example\nResent-To: t@u.example\n"

    assert Envelope.of(resent + EML)[:2] == ("r@s.example", ("t@u.example",))
    with pytest.raises(ValueError, match="resent several times"):
        Envelope.of(resent + resent + EML)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"From: a@b.example\r\nTo: c@d.example\n\r\nx\r\n", "bare CR or LF"),
        (b"From: a@b.example\n\n" + b"x" * 999, "998 octets"),
        (b"From: a@b.example\n\nx\0", "NUL"),
        (b"From a@b.example Mon Nov 23\nTo: c@d.example\n\nx\n", "header is malformed"),
        (b"To: c@d.example\n\nx\n", "names 0 senders"),
        (b"From: a@b.example, c@d.example\n\nx\n", "names 2 senders"),
        (b"From: a@b.example\nTo: x@\n\nx\n", "Invalid address"),
    ],
)
def test_eml_that_cannot_be_sent_is_refused(data, reason):
    with pytest.raises(ValueError, match=reason):
        Envelope.of(data)


def test_eml_has_a_last_line_with_an_end():
    assert Envelope.of(EML[:-1]).content.endswith(b"not a header\r\n")


def test_eml_is_left_in_eight_bits_unless_the_server_cannot():
    data = EML + "Grüße\n".encode()

    assert Envelope.of(data).eight_bit
    assert Envelope.of(data, eight_bit=False).content.isascii()


def test_stdlib_message_is_addressed_by_its_header():
    made = StdlibMessage()
    made["From"] = "Ann <a@b.example>"
    made["Sender"] = "s@b.example"
    made["To"] = '"Neil, Ann" <c@d.example>'
    made["Bcc"] = "blind@d.example"
    made.set_content("Hello\n")

    envelope = Envelope.of(made)

    assert envelope[:2] == ("s@b.example", ("c@d.example", "blind@d.example"))
    assert b"blind" not in envelope.content
    assert made["Bcc"] == "blind@d.example"


def test_message_of_another_library_is_asked_for_its_message():
    class Foreign:
        from_email = "a@b.example"

        def recipients(self):
            return ["c@d.example"]

        def message(self):
            made = StdlibMessage()
            made["From"] = "other@b.example"
            made.set_content("Hello\n")
            return made

    envelope = Envelope.of(Foreign())

    assert envelope[:2] == ("a@b.example", ("c@d.example",))
    assert envelope.content.startswith(b"From: other@b.example\r\n")


@pytest.mark.parametrize("wrong", ["text", None, 5, object()])
def test_what_is_no_message_is_named(wrong: object) -> None:
    with pytest.raises(TypeError, match=f"can be sent, not {type(wrong).__name__}"):
        Envelope.of(wrong)


def test_a_text_is_no_list_of_recipients() -> None:
    with pytest.raises(TypeError, match="'recipients' must be a list of addresses"):
        Envelope.of(b"From: a@b.example\r\n\r\nHi\r\n", recipients="ann@example.com")


def test_everybody_gets_it_once() -> None:
    message = EmailMessage("s", "b", "me@b.example", ["a@b.example"], cc=["Ann <a@b.example>"])

    assert message.envelope().recipients == ("a@b.example",)


def test_an_envelope_may_get_other_recipients() -> None:
    envelope = EmailMessage("s", "b", "me@b.example", ["a@b.example"]).envelope()

    other = Envelope.of(envelope, sender="", recipients=["c@d.example"])

    assert (other.sender, other.recipients) == ("", ("c@d.example",))
    assert other.content == envelope.content
    assert Envelope.of(envelope) is envelope


# Headers of mail that exists: what stands around an address may be broken, the address is clear.
BROKEN = [
    b"=?utf-8?q?J=C3=B6rg?=<c@d.example>",
    b"=?gb2312?B?xOO6w4Kh?= <c@d.example>",
    b"=?utf-8?b?not base64?= <c@d.example>",
    b"=?utf-8?b?J\xc3?= <c@d.example>",
    b"=?nobody-knows?q?a?= <c@d.example>",
    "Jörg <c@d.example>".encode("latin-1"),
    "Jörg <c@d.example>".encode(),
    '"Jörg, Koch" <c@d.example>'.encode("latin-1"),
    b"c@d.example <c@d.example>",
    b'"x@y.example, <z@y.example>" <c@d.example>',
    b"(x@y.example, <z@y.example>) c@d.example",
    b"J. R. <nobody> <c@d.example>",
    b"c@d.example,, ,",
    b'"Ann"\r\n <c@d.example>',
    b"bell \x07 <c@d.example>",
]


def eml_to(value):
    return b"From: a@b.example\r\nTo: %s\r\n\r\n\xe9\r\n" % value


def parsed(kind):
    return lambda content: message_from_bytes(content, policy=kind)


every_source = pytest.mark.parametrize(
    "source", [bytes, *map(parsed, (policy.SMTP, policy.default, policy.compat32))]
)


@every_source
@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("value", BROKEN)
def test_addresses_in_broken_headers_are_found(value, eight_bit, source):
    envelope = Envelope.of(source(eml_to(value)), eight_bit=eight_bit)

    assert envelope.recipients == ("c@d.example",)
    assert not envelope.utf8


@every_source
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"<c@d.example> <e@f.example>", "which address is meant"),
        (b"Doe, John <c@d.example>", "quote names with commas"),
        (b"=?utf-8?q?c=40d=2Eexample?=", "encoded-words"),
        (b"c@d.example e@f.example", "Invalid address"),
        (b"c\x01@d.example", "must be in quotes"),
    ],
)
def test_addresses_that_are_not_clear_are_refused(value, why, source):
    with pytest.raises(ValueError, match=why):
        Envelope.of(source(eml_to(value)))


@every_source
def test_raw_utf8_leaves_the_header_unless_an_address_needs_it(source):
    subject = b"Subject: %s\r\n" % "Grüße".encode()
    plain, needy = (
        source(subject + EML_UTF8),
        source(subject + EML_UTF8.replace(b"c@", b"\xc3\xbc@")),
    )

    assert b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" in Envelope.of(plain, utf8=True).content
    assert subject in Envelope.of(needy, utf8=True).content
    assert Envelope.of(needy, utf8=True).utf8
    with pytest.raises(ValueError, match="SMTPUTF8"):
        Envelope.of(needy)


EML_UTF8 = eml_to(b"c@d.example")


def by_hand(**changes):
    values = {"sender": "a@b.example", "recipients": ["c@d.example"], "content": b"A: b\r\n\r\n"}
    return Envelope(**{**values, **changes})


@pytest.mark.parametrize(
    "make",
    [
        by_hand,
        lambda **changes: Envelope.of(by_hand()._replace(**changes)),
        lambda **changes: pickle.loads(pickle.dumps(by_hand(**changes))),
    ],
)
class TestByHand:
    """Whoever makes an envelope, and from whatever: it is one that can be sent."""

    @pytest.mark.parametrize(
        "wrong",
        [
            {"sender": "a@b.example\r\nRSET"},
            {"sender": "a@b.example> SIZE=1"},
            {"sender": "a@b.example, c@d.example"},
            {"sender": None},
            {"recipients": ["a@evil.example,b@example.com"]},
            {"recipients": ["a@b.example\n"]},
            {"recipients": [""]},
            {"recipients": [None]},
            {"recipients": ["x" * 65 + "@b.example"]},
            {"content": b"A: b\n\nHi\n"},
            {"content": b"A: b\r\n\r\n\0"},
            {"content": b"x" * 999},
            {"message_id": "<1@x>\r\nX-Log: forged"},
            {"message_id": None},
        ],
    )
    def test_what_cannot_be_sent_is_refused(self, make, wrong):
        with pytest.raises(ValueError, match=r"Invalid address|The message|Message-ID"):
            make(**wrong)

    @pytest.mark.parametrize("wrong", [{"recipients": "c@d.example"}, {"content": "text"}])
    def test_what_is_of_another_type_is_refused(self, make, wrong):
        with pytest.raises(TypeError, match=r"must be a list of addresses|content is bytes"):
            make(**wrong)

    def test_addresses_become_bare_and_each_is_there_once(self, make):
        envelope = make(
            sender="Ann <a@b.example>", recipients=("<c@d.example>", "c@d.example", "e@ö.example")
        )

        assert envelope[:2] == ("a@b.example", ("c@d.example", "e@xn--nda.example"))
        assert make(sender="").sender == ""

    @pytest.mark.parametrize("claimed", [True, False])
    def test_what_the_server_needs_is_computed_and_never_believed(self, make, claimed):
        says = {"eight_bit": claimed, "utf8": claimed}

        assert make(**says)[4:] == (False, False)
        assert make(content="A: b\r\n\r\nü\r\n".encode(), **says)[4:] == (True, False)
        assert make(content="A: ü\r\n\r\n".encode(), **says)[4:] == (True, True)
        assert make(recipients=["ü@d.example"], **says)[4:] == (False, True)
        assert make(sender="ü@d.example", **says)[4:] == (False, True)
        assert type(make(content=bytearray(b"A: b\r\n"))) is Envelope


@pytest.mark.parametrize("given", [[], (), {1: 2}, set(), iter("ab"), (each for each in "ab")])
def test_several_messages_come_in_any_iterable(given):
    assert several(given) is given


@pytest.mark.parametrize(
    "given", [5, None, "text", b"octets", message(), StdlibMessage(), Envelope.of(message())]
)
def test_a_single_message_is_not_taken_for_several(given):
    with pytest.raises(TypeError, match=rf"like \[message\], not {type(given).__name__}$"):
        several(given)


@pytest.mark.parametrize("length", [0, 1, 997, 998, 999, 5_000])
def test_a_message_id_fits_into_a_line(length):
    def make():
        return Envelope("a@b.example", ["c@d.example"], b"", "x" * length)

    if length <= 998:
        assert make().message_id == "x" * length
    else:
        with pytest.raises(ValueError, match="A Message-ID is printable text on one line"):
            make()
