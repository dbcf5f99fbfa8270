import codecs

import pytest

from simplemail.rendering.charsets import charset_label, check_charset


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "latin-1", "iso-2022-jp", "koi8_r", "us-ascii"])
def test_charsets_that_python_writes(name):
    assert check_charset(name) == name


@pytest.mark.parametrize("name", ["", "nonsense", "hex", "rot13", "utf-8\n", "utf 8", "utf-8\0"])
def test_charsets_that_python_does_not_write(name):
    with pytest.raises(ValueError, match="Unknown charset"):
        check_charset(name)


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("utf-8", ["utf-8", "UTF8", "utf_8", "u8", "utf-8-sig"]),
        ("us-ascii", ["ascii", "us-ascii", "646"]),
        ("iso-8859-1", ["latin-1", "l1", "latin1", "iso8859_1", "ISO-8859-1"]),
        ("iso-8859-15", ["latin9", "l9", "iso8859-15"]),
        ("windows-1252", ["cp1252", "windows-1252", "1252"]),
        ("macintosh", ["mac_roman", "macroman"]),
        ("windows-31j", ["cp932", "ms932", "mskanji"]),
        ("shift_jis", ["sjis", "shift-jis", "s_jis"]),
        ("iso-2022-jp", ["iso2022_jp", "csiso2022jp"]),
        ("euc-kr", ["euc_kr", "euckr"]),
        ("koi8-r", ["koi8_r"]),
        ("big5", ["big5", "cp950"]),
        ("utf-16le", ["utf-16-le", "utf_16_le"]),
        ("ibm437", ["cp437", "437"]),
    ],
)
def test_charsets_are_called_what_mail_calls_them(label, names):
    assert {charset_label(name) for name in names} == {label}


# The codecs of Python that a mail program is likely to meet.
COMMON = [
    *("ascii", "utf_8", "utf_16", "utf_16_be", "utf_32", "big5", "gb2312", "gbk", "gb18030"),
    *("euc_jp", "euc_kr", "iso2022_jp", "shift_jis", "koi8_r", "koi8_u", "mac_roman"),
    *(f"iso8859_{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
    *(f"cp{n}" for n in (437, 500, 850, 866, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)),
]


@pytest.mark.parametrize("name", COMMON)
def test_label_means_the_same_charset_to_python(name):
    assert codecs.lookup(charset_label(name)).name == codecs.lookup(name).name
