import base64
import quopri
from email import message_from_bytes, policy, quoprimime
from email.message import EmailMessage
from itertools import product

import pytest

from simplemail.rendering.bodies import base64_blocks, encode_text

TEXTS = [
    "",
    "\n",
    "one line",
    "one line\n",
    "two\r\nlines",
    "From here on\nFrom there\n",
    ".\n..\n. dot",
    "x" * 78,
    "x" * 79,
    "x" * 1000 + "\nshort\n",
    "Grüße\n" * 3,
    "ü" * 79,
    "ü" * 300,
    "<p>hällo = welt</p> " * 40,
    "ends in a space \nand a tab\t\n" + "x" * 80,
    *(
        "x" * n + end
        for n in (74, 75, 76, 77, 78, 153, 154)
        for end in (" ", "\t", "=", "ü", " \n")
    ),
    "ä" + "x" * 76 + " ",
    "=" * 200,
    "a\x0bb\x0cc\x7f\x1b" + "x" * 80,
    "short\n" * 20 + "ü" * 100 + "\n",
    "x" * 100 + "\n" + "ü\n" * 20,
    "山田太郎" * 100 + "\n" + "ascii " * 50,
]


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:12]) + str(len(text)))
def test_text_becomes_what_the_standard_library_makes_of_it(text, eight_bit):
    """django-compatibility 27."""
    theirs = EmailMessage(policy.SMTP.clone(cte_type="8bit" if eight_bit else "7bit"))
    theirs.set_content(text)

    encoding, body = encode_text(text, "utf-8", eight_bit=eight_bit)

    assert encoding == theirs["Content-Transfer-Encoding"]
    if encoding == "quoted-printable":  # whose lines have 78 characters there
        assert body == quoted(theirs.get_payload(decode=True))
    else:
        assert body == theirs.as_bytes().partition(b"\r\n\r\n")[2]


def quoted(octets):
    """What the standard library's encoder makes of octets in lines of 76 characters."""
    text = octets.replace(b"\r\n", b"\n").decode("latin-1")
    return quoprimime.body_encode(text, 76).replace("\n", "\r\n").encode()


@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_the_choice_between_two_encodings_is_the_standard_library_s(lines):
    """To the octet: the first that is longer than base64 goes by base64."""
    made = set()
    for beyond, plain in product(range(1, 12), range(24)):
        text = f"{'ü' * beyond}{'x' * plain}\n" * lines
        theirs = EmailMessage(policy.SMTP.clone(cte_type="7bit"))
        theirs.set_content(text)
        encoding, _ = encode_text(text, "utf-8", eight_bit=False)
        made.add(encoding)

        assert (encoding, text) == (theirs["Content-Transfer-Encoding"], text)
    assert made == {"quoted-printable", "base64"}


def test_what_can_be_read_is_not_encoded():
    """RFC 2045, 6.7: all of ASCII that shows, but the equals sign."""
    shows = bytes({*range(33, 127)} - {*b"="}).decode()

    encoding, body = encode_text(
        f"{shows[:60]}\n{shows[60:]} \t.\n\u00fc", "utf-8", eight_bit=False
    )

    assert encoding == "quoted-printable"
    assert body.decode() == f"{shows[:60]}\r\n{shows[60:]} \t.\r\n=C3=BC\r\n"


@pytest.mark.parametrize("before", range(70, 80))
@pytest.mark.parametrize("after", ["", " ", "\t", "=", "ü", "üx", "= ", "x" * 80, "ü" * 40, "  "])
def test_lines_of_quoted_printable_have_at_most_76_characters(before, after):
    """RFC 2045, 6.7."""
    text = "ascii\n" * 10 + f"{'x' * before}{after}\n{'x' * before}{after}\nü"

    encoding, body = encode_text(text, "utf-8", eight_bit=False)

    assert encoding == "quoted-printable"
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not any(line.endswith((b" ", b"\t")) for line in body.split(b"\r\n"))
    assert quopri.decodestring(body) == f"{text}\n".replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "text", ["a\rb", "a\r\r\nb", "\r", "a\0b", "\0" * 50, "x" * 200 + "\rü\0", "ü\r" * 40, "a \r b"]
)
def test_carriage_return_and_nul_arrive_as_they_were(text):
    encoding, body = encode_text(text, "utf-8", eight_bit=True)

    assert encoding in ("quoted-printable", "base64")
    head = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n"
    part = message_from_bytes(head.encode() + body, policy=policy.default)
    assert (
        part.get_payload(decode=True).decode().replace("\r\n", "\n")
        == text.replace("\r\n", "\n") + "\n"
    )


@pytest.mark.parametrize("charset", ["utf-8", "utf-16-le", "cp037"])
@pytest.mark.parametrize("text", ["é\r", "é\r\r", "é\r\r\n", "é\r\r\né", "\ré\n"])
def test_carriage_return_before_a_line_end_is_not_taken_for_a_part_of_it(text, charset):
    encoding, body = encode_text(text * 40, charset, eight_bit=False, newline=b"\n")

    assert encoding == "base64"
    lines = (text * 40).replace("\r\n", "\n").removesuffix("\n") + "\n"
    assert base64.b64decode(body).decode(charset) == lines.replace("\n", "\r\n")


def test_charset_decides_the_octets():
    """django-compatibility 26."""
    assert encode_text("é", "latin-1", eight_bit=True) == ("8bit", b"\xe9\r\n")
    assert encode_text("é\n", "utf-16-le", eight_bit=True) == (
        "base64",
        base64.b64encode("é\r\n".encode("utf-16-le")) + b"\r\n",
    )


@pytest.mark.parametrize("charset", ["utf-16", "utf-32-be", "cp500", "utf-8-sig"])
def test_charset_without_ascii_is_encoded_whole(charset):
    encoding, body = encode_text("é\nx" * 500, charset, eight_bit=True)

    assert encoding == "base64"
    assert base64.b64decode(body) == ("é\r\nx" * 500 + "\r\n").encode(charset)


def test_octets_that_are_no_text_survive():
    """django-compatibility 26."""
    text = b"caf\xe9".decode("utf-8", "surrogateescape")

    assert encode_text(text, "utf-8", eight_bit=True) == ("8bit", b"caf\xe9\r\n")


@pytest.mark.parametrize(
    ("text", "charset", "reason"), [("a", "no-such", "no-such"), ("€", "latin-1", "latin-?1")]
)
def test_charset_that_cannot_say_it_is_an_error(text, charset, reason):
    with pytest.raises(ValueError, match=reason):
        encode_text(text, charset, eight_bit=True)


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 512 * 57 - 1, 512 * 57, 512 * 57 + 1, 100_000])
def test_base64_has_lines_of_76_characters(size):
    data = bytes(n * 31 % 256 for n in range(size))

    for given in (data, bytearray(data), memoryview(data)):
        written = b"".join(base64_blocks(given))
        assert written == base64.encodebytes(data).replace(b"\n", b"\r\n")
