from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.headerregistry import Address

import pytest

from simplemail.exceptions import BadHeaderError
from simplemail.rendering.dates import format_date
from simplemail.rendering.field import header_line, mime_header
from simplemail.rendering.injection import check_header


def read(line):
    """What Python's own parser makes of a field, with its name."""
    [[name, value]] = message_from_bytes(line + b"\r\n", policy=policy.SMTP).items()
    return name, value


def assert_well_formed(line):
    assert line.endswith(b"\r\n")
    for number, part in enumerate(line[:-2].split(b"\r\n")):
        assert part.strip()
        assert not set(part) & {0, 10, 13}
        assert len(part) <= 998
        assert number == 0 or part[:1] in b" \t"


TEXTS = [
    "",
    "Hello",
    "Hello  there,   you",
    "Tabs\tare\t\tkept",
    " before",
    "after  ",
    "   ",
    "\t",
    "Grüße aus Köln",
    "Only the Wörd in the middle is encoded",
    "Łódź " * 40,
    "山田太郎" * 60,
    "👩‍👩‍👧‍👦" * 20,
    "e\u0301" * 80,
    "שלום עולם",
    "non\xa0breaking",
    "=?utf-8?q?as_it_is?=",
    "a =?b",
    "?= and =?",
    "word " * 60,
    "word " * 60 + "ü",
    "ü " + "word " * 60,
    "x" * 500,
    "x" * 5000,
    "x" * 5000 + " y " + "z" * 899,
    "a" + " " * 300 + "b c",
    "ends in ü ",
    "a_b = c? d!",
]


@pytest.mark.parametrize("name", ["Subject", "X-Campaign-Name-That-Is-Long", "X" * 50])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_text_reads_back_as_it_was_written(name, text):
    line = header_line(name, text)

    assert line.isascii()
    assert_well_formed(line)
    assert read(line) == (name, text)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_encoded_words_keep_to_their_limits(text):
    """RFC 2047, 2: 75 octets a word, 76 a line; and no character is cut in two."""
    for line in header_line("Subject", text).split(b"\r\n"):
        words = [word for word in line.split() if word.startswith(b"=?")]
        assert all(len(word) <= 75 for word in words)
        assert len(line) <= 76 or not words
        for word in words:
            read(b"Subject: " + word + b"\r\n")[1].encode()


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_lines_have_78_characters_where_a_fold_is_possible(text):
    for line in header_line("Subject", text).split(b"\r\n"):
        assert len(line) <= 78 or b" " not in line.strip().removeprefix(b"Subject: ")


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_text_stays_utf8_with_smtputf8(text):
    """django-compatibility 24."""
    line = header_line("Subject", text, utf8=True)

    assert_well_formed(line)
    if text == "Grüße aus Köln":
        assert line == "Subject: Grüße aus Köln\r\n".encode()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("Subject", "", "Subject:\r\n"),
        ("Subject", "Hello", "Subject: Hello\r\n"),
        ("X-Number", 5, "X-Number: 5\r\n"),
        ("Subject", "Grüße", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"),
        ("Subject", "Café noir", "Subject: =?utf-8?q?Caf=C3=A9?= noir\r\n"),
        ("X-Url", "u" * 300, f"X-Url: {'u' * 300}\r\n"),
        ("Subject", "a " * 50 + "b", f"Subject: {'a ' * 34}a\r\n {'a ' * 15}b\r\n"),
        ("Message-ID", f"<{'i' * 100}@d>", f"Message-ID: <{'i' * 100}@d>\r\n"),
        ("Content-ID", " <i@d> ", "Content-ID: <i@d>\r\n"),
        (
            "Date",
            datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
            "Date: Tue, 03 Feb 2026 04:05:06 +0000\r\n",
        ),
    ],
)
def test_field_is_written_like_this(name, value, line):
    assert header_line(name, value) == line.encode()


def test_moment_has_the_offset_of_its_zone():
    """django-compatibility 21."""
    moment = datetime(2026, 12, 31, 23, 59, 58)

    assert format_date(moment) == "Thu, 31 Dec 2026 23:59:58 -0000"
    assert format_date(moment.replace(tzinfo=UTC)) == "Thu, 31 Dec 2026 23:59:58 +0000"
    half_hours = timezone(timedelta(hours=-3, minutes=-30))
    assert format_date(moment.replace(tzinfo=half_hours)) == "Thu, 31 Dec 2026 23:59:58 -0330"


@pytest.mark.parametrize(
    "character", ["\r", "\n", "\r\n ", "\x0b", "\x0c", "\x1e", "\x85", "\u2028"]
)
@pytest.mark.parametrize(
    "name", ["Subject", "To", "Message-ID", "List-Unsubscribe", "X-Any", "Resent-To"]
)
def test_line_break_is_refused_in_every_field(name, character):
    """django-compatibility 23."""
    for value in (f"a{character}Bcc: b@c.example", f"a@b.example{character}"):
        with pytest.raises(BadHeaderError, match="linefeed or carriage return characters"):
            header_line(name, value)
        with pytest.raises(BadHeaderError, match="linefeed or carriage return characters"):
            check_header(name, value)


def test_line_break_is_refused_in_one_address_of_several():
    with pytest.raises(BadHeaderError, match="linefeed or carriage return characters"):
        header_line("To", ["a@b.example", "c@d.example\nBcc: e@f.example"])


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x9b", "\ud800"])
def test_control_character_is_refused(character):
    for name in ("Subject", "To", "References", "X-Any"):
        with pytest.raises(BadHeaderError, match=f"{name} may not contain"):
            header_line(name, f"a{character}b@c.example")
    with pytest.raises(BadHeaderError, match="filename may not contain"):
        mime_header("Content-Disposition", "attachment", {"filename": f"a{character}"})


@pytest.mark.parametrize("name", ["", "A B", "A:", "A\r\nBcc", "Ä", "A\0", "A\t", "X" * 2000])
def test_name_that_is_none_is_refused(name):
    with pytest.raises(BadHeaderError, match="Invalid header name"):
        header_line(name, "value")


@pytest.mark.parametrize("name", ["X" * 997])
def test_line_that_nothing_helps_is_refused(name):
    with pytest.raises(ValueError, match="998 octets"):
        header_line(name, "value")


def test_id_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="Message-ID can't be folded to lines of 998 octets"):
        header_line("Message-ID", f"<{'x' * 998}@d>")


LONG_URL = "<https://example.com/unsubscribe?" + "token=abc_def=?&" * 25 + ">"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Unsubscribe", f"{LONG_URL}, <mailto:leave@example.com?subject=unsubscribe>"),
        ("References", " ".join(f"<{n}.{n * 7919}@mail.example.com>" for n in range(60))),
        ("In-Reply-To", f"<{'a' * 200}@example.com>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ],
)
def test_ids_and_urls_are_folded_but_never_encoded(name, value):
    line = header_line(name, value)

    assert_well_formed(line)
    assert line.decode().replace("\r\n", "") == f"{name}: {value}"


def test_id_or_url_beyond_ascii_is_refused_unless_smtputf8_carries_it():
    with pytest.raises(ValueError, match=r"List-Help can.t hold"):
        header_line("List-Help", "<https://example.com/ü>")

    line = header_line("List-Help", "<https://example.com/ü>", utf8=True)

    assert line == "List-Help: <https://example.com/ü>\r\n".encode()


@pytest.mark.parametrize("name", ["Date", "Resent-Date", "Message-ID"])
def test_date_and_id_are_ascii(name):
    with pytest.raises(ValueError, match=f"{name} can't hold"):
        header_line(name, "Montag, früh")


def test_list_id_has_an_encoded_description():
    line = header_line("List-Id", "Bücher <books.example.com>")

    assert line == b"List-Id: =?utf-8?q?B=C3=BCcher?= <books.example.com>\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Id", "Bücher <bücher.example.com>"),
        ("List-Id", "Bücher"),
        ("list-help", "Hilfe für alle <https://example.com/>"),
        ("Message-ID", "für <1@example.com>"),
    ],
)
def test_only_the_description_of_a_list_may_be_beyond_ascii(name, value):
    with pytest.raises(ValueError, match=f"{name} can't hold"):
        header_line(name, value)


MAILBOXES = [
    ("a@b.example", "a@b.example"),
    ("webmaster", "webmaster"),
    ("Ann <a@b.example>", "Ann <a@b.example>"),
    ('"Ann" <a@b.example>', '"Ann" <a@b.example>'),
    ('"Neil, Ann" <a@b.example>', '"Neil, Ann" <a@b.example>'),
    (Address("Neil, Ann", "a", "b.example"), '"Neil, Ann" <a@b.example>'),
    (r'"Ann \"A\" \\ N" <a@b.example>', r'"Ann \"A\" \\ N" <a@b.example>'),
    ("Dr. Ann B. <a@b.example>", '"Dr. Ann B." <a@b.example>'),
    ("Ann  B <a@b.example>", "Ann B <a@b.example>"),
    ("Jürgen <a@b.example>", "=?utf-8?q?J=C3=BCrgen?= <a@b.example>"),
    ('"Groß, Jürgen" <a@b.example>', "=?utf-8?q?Gro=C3=9F=2C_J=C3=BCrgen?= <a@b.example>"),
    ('"=?utf-8?q?x?=" <a@b.example>', "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b.example>"),
    ("=?utf-8?q?J=C3=BCrgen?= <a@b.example>", "=?utf-8?q?J=C3=BCrgen?= <a@b.example>"),
    ("a@bücher.example", "a@xn--bcher-kva.example"),
    ("Ann <a@XN--Bcher-KVA.example>", "Ann <a@XN--Bcher-KVA.example>"),
    ('"a b"@c.example', '"a b"@c.example'),
    ("a@b.example (work)", "a@b.example (work)"),
    ("Ann (Sales) <a@b.example>", "Ann (Sales) <a@b.example>"),
    ("Ann (Büro) <a@b.example>", "Ann (=?utf-8?q?B=C3=BCro?=) <a@b.example>"),
    ("Jürgen (a (b) \\)) <a@b.example>", "=?utf-8?q?J=C3=BCrgen?= (a (b) \\)) <a@b.example>"),
]


@pytest.mark.parametrize(("address", "written"), MAILBOXES)
def test_mailbox_is_written_like_this(address, written):
    """django-compatibility 24, 25."""
    assert header_line("To", [address]) == f"To: {written}\r\n".encode()
    assert header_line("To", str(address)) == f"To: {written}\r\n".encode()


@pytest.mark.parametrize(
    "address",
    ["Jürgen <jürgen@bücher.example>", '"Groß, Jürgen" <a@b.example>', "山田 <山@b.example>"],
)
def test_mailbox_stays_utf8_with_smtputf8(address):
    """django-compatibility 24."""
    assert header_line("To", [address], utf8=True) == f"To: {address}\r\n".encode()


def test_local_part_beyond_ascii_needs_smtputf8():
    with pytest.raises(ValueError, match=r"Invalid address .*SMTPUTF8"):
        header_line("To", "jürgen@b.example")


@pytest.mark.parametrize("value", ["a@b.example, <", ["to@"], "no address", ["a@b", "x y"]])
def test_what_is_no_address_is_refused(value):
    with pytest.raises(ValueError, match=r"^Invalid address "):
        header_line("To", value)


@pytest.mark.parametrize("name", ["To", "Resent-Reply-To"])
@pytest.mark.parametrize("length", range(52, 80))
def test_one_mailbox_stays_whole_if_a_line_has_room(name, length):
    given = f"{'Ann ' * 9}{'B' * (length - 51)} <ann@b.example>"
    line = header_line(name, given)
    lines = line.split(b"\r\n")[:-1]

    assert max(map(len, lines)) <= 78
    assert len(lines) == (1 if len(f"{name}: {given}") <= 78 else 2)
    assert b"".join(lines).decode() == f"{name}: {given}"


def test_list_folds_between_mailboxes():
    people = [f"Ann Person{n} <ann.person{n}@example.com>" for n in range(5)]

    assert header_line("To", people) == (
        b"To: Ann Person0 <ann.person0@example.com>,\r\n"
        b" Ann Person1 <ann.person1@example.com>, Ann Person2 <ann.person2@example.com>,\r\n"
        b" Ann Person3 <ann.person3@example.com>, Ann Person4 <ann.person4@example.com>\r\n"
    )


def test_empty_entries_of_a_list_are_left_out():
    """django-compatibility 16."""
    assert header_line("Reply-To", ["", "a@b.example", None]) == b"Reply-To: a@b.example\r\n"
    assert header_line("To", "") == b"To:\r\n"


def test_group_is_written_as_one():
    line = header_line("To", "Grüne: a@b.example, C <c@bücher.example>;, undisclosed-recipients:;")

    assert line == (
        b"To: =?utf-8?q?Gr=C3=BCne?=: a@b.example, C <c@xn--bcher-kva.example>;,\r\n"
        b" undisclosed-recipients:;\r\n"
    )


def test_long_display_name_stays_whole():
    name = 'Neil, "Ann" O\'Hara; ' * 10
    line = header_line("From", [str(Address(name.strip(), addr_spec="a@b.example"))])

    assert_well_formed(line)
    assert max(map(len, line.split(b"\r\n"))) <= 78
    assert read(line)[1].addresses[0].display_name == name.strip()


NAMES = [
    ("a.txt", 'filename="a.txt"'),
    ("", 'filename=""'),
    ("a b.txt", 'filename="a b.txt"'),
    ('a"b\\c.txt', r'filename="a\"b\\c.txt"'),
    ("ü.txt", "filename*=utf-8''%C3%BC.txt"),
    ("a=?b.txt", "filename*=utf-8''a%3D%3Fb.txt"),
    ("50%.txt", 'filename="50%.txt"'),
]


@pytest.mark.parametrize(("name", "written"), NAMES)
def test_parameter_is_written_like_this(name, written):
    line = mime_header("Content-Disposition", "attachment", {"filename": name})

    assert line == f"Content-Disposition: attachment; {written}\r\n".encode()


@pytest.mark.parametrize(
    "name",
    ["山田" * 100, "x" * 200 + ".pdf", "x y " * 50 + ".pdf", "ü" * 300, "x" * 1200, "é, a;b=c "],
    ids=ascii,
)
def test_file_name_reads_back_whole(name):
    line = mime_header("Content-Disposition", "attachment", {"filename": name})

    assert_well_formed(line)
    assert line.isascii()
    assert read(line)[1].params["filename"] == name
    # Never folded inside of quotes, which many programs take for a part of the name.
    assert max(map(len, line.split(b"\r\n"))) <= 78 or b'="' + name.encode() + b'"\r\n' in line


def test_pieces_of_a_parameter_hold_whole_characters():
    line = mime_header("Content-Disposition", "attachment", {"filename": "山" * 100})

    pieces = [part.strip(b" ;").rpartition(b"=")[2] for part in line.split(b"\r\n")[1:-1]]
    assert all(len(piece.removeprefix(b"utf-8''")) % 9 == 0 for piece in pieces)


def test_parameters_go_on_lines_of_their_own_when_they_must():
    line = mime_header("Content-Type", "multipart/alternative", {"boundary": "=" * 36})

    assert line == f'Content-Type: multipart/alternative;\r\n boundary="{"=" * 36}"\r\n'.encode()


@pytest.mark.parametrize(
    "name",
    ["Disposition-Notification-To", "Return-Receipt-To", "Errors-To", "read-receipt-to"],
)
def test_fields_to_which_receipts_go_hold_addresses(name):
    line = header_line(name, "Jürgen <a@bücher.example>").replace(b"\r\n ", b" ")

    assert line == f"{name}: =?utf-8?q?J=C3=BCrgen?= <a@xn--bcher-kva.example>\r\n".encode()
    with pytest.raises(ValueError, match=f"in {name}"):
        header_line(name, "no address")


def test_a_comment_that_is_long_or_beyond_ascii_keeps_lines_short():
    line = header_line("To", ["Ann (" + "Grüße " * 30 + ") <a@b.example>"])

    assert_well_formed(line)
    assert max(map(len, line.split(b"\r\n"))) <= 76
    assert line.endswith(b" <a@b.example>\r\n")


@pytest.mark.parametrize("value", [("Doe, John", "j@b.example"), [("Doe, John", "j@b.example")]])
def test_pairs_are_written_with_quotes(value):
    assert header_line("To", value) == b'To: "Doe, John" <j@b.example>\r\n'


@pytest.mark.parametrize("name", ["From", "To", "Reply-To", "Errors-To", "Return-Receipt-To"])
def test_an_error_names_the_field(name):
    with pytest.raises(ValueError, match=rf"^Invalid address 'a b@c' in {name}: there is a space"):
        header_line(name, ["a b@c"])
