"""Dates are written as RFC 5322, 3.3 has them, and those given as text must exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from simplemail.rendering.dates import check_date, format_date

LENGTHS = {
    "Jan": 31, "Feb": 28, "Mar": 31, "Apr": 30, "May": 31, "Jun": 30,
    "Jul": 31, "Aug": 31, "Sep": 30, "Oct": 31, "Nov": 30, "Dec": 31,
}  # fmt: skip


@pytest.mark.parametrize(("month", "days"), LENGTHS.items())
def test_every_month_has_its_days(month: str, days: int) -> None:
    for day in range(1, days + 1):
        check_date("date", f"{day} {month} 2026 00:00:00 +0000")
    for day in (0, days + 1):
        with pytest.raises(ValueError, match=f"'{day} {month} 2026 00:00:00 "):
            check_date("date", f"{day} {month} 2026 00:00:00 +0000")


@pytest.mark.parametrize("year", ["2028", "28", "2000", "00", "1600"])
def test_leap_years_have_one_day_more(year: str) -> None:
    """RFC 5322, 4.3: two digits are years of this century, or at least of an age we can name."""
    check_date("date", f"29 Feb {year} 00:00:00 +0000")


@pytest.mark.parametrize("year", ["2026", "26", "2100", "01", "1900"])
def test_other_years_have_not(year: str) -> None:
    with pytest.raises(ValueError, match="is not a valid date"):
        check_date("date", f"29 Feb {year} 00:00:00 +0000")


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_years_are_those_of_the_calendar(year: str) -> None:
    check_date("date", f"31 Dec {year} 00:00:00 +0000")


@pytest.mark.parametrize("time", ["00:00", "00:00:00", "23:59:59", "23:59:60", "12:59"])
def test_times_of_a_day(time: str) -> None:
    check_date("date", f"1 Dec 2026 {time} +0000")


@pytest.mark.parametrize("time", ["24:00", "23:60", "23:59:61", "00:00:99", "1:00"])
def test_times_of_no_day(time: str) -> None:
    with pytest.raises(ValueError, match="is not a valid date"):
        check_date("date", f"1 Dec 2026 {time} +0000")


@pytest.mark.parametrize(("length", "seen"), [(99, 99), (100, 100), (101, 100), (100_000, 100)])
def test_a_long_text_is_shown_in_part(length: int, seen: int) -> None:
    with pytest.raises(ValueError, match="is not a valid date") as caught:
        check_date("resent-date", "x" * length)

    assert str(caught.value) == (
        f"Resent-Date is not a valid date: '{'x' * seen}'; pass a datetime, or text like "
        "'Mon, 23 Nov 2026 06:12:00 +0000'"
    )


@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        (timedelta(), "+0000"),
        (timedelta(hours=5, minutes=30), "+0530"),
        (-timedelta(hours=3, minutes=30), "-0330"),
        (timedelta(minutes=53, seconds=28), "+0053"),  # before there were time zones
    ],
)
def test_a_zone_has_four_digits(offset: timedelta, zone: str) -> None:
    moment = datetime(1890, 1, 5, 6, 7, 8, tzinfo=timezone(offset))

    assert format_date(moment) == f"Sun, 05 Jan 1890 06:07:08 {zone}"


@pytest.mark.parametrize("number", range(1, 13))
def test_names_of_months_are_english(number: int) -> None:
    written = format_date(datetime(2026, number, 1, tzinfo=UTC))

    assert written.split()[2] == list(LENGTHS)[number - 1]
    check_date("date", written)


def test_one_without_a_zone_is_in_utc() -> None:
    """RFC 5322, 3.3: -0000 says nothing about where it was written."""
    assert format_date(datetime(2026, 11, 29, 1, 2, 3)) == "Sun, 29 Nov 2026 01:02:03 -0000"
