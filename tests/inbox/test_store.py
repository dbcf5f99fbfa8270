"""Messages are kept, found, counted and purged; the file is for one user and one process."""

import os
import stat
import threading

import pytest

from simplemail.inbox.database import StoreInUse
from simplemail.inbox.store import Arrival, Store
from support.inboxes import HTML_MAIL, plain_mail


def add(store: Store, *subjects: str) -> list[int]:
    return [store.add(Arrival(plain_mail(subject)))[0] for subject in subjects]


def test_what_was_added_is_there_as_it_came(store):
    content = bytes(range(256)) + b"\r\nno mail at all\x00"

    number, gone = store.add(Arrival(content, "a@example.com", ("b@example.com",)))

    assert store.content(number) == content
    assert gone == []
    store.settle()
    row = store.row(number)
    assert (row.sender, row.recipients, row.size) == ("a@example.com", ["b@example.com"], 273)
    assert row.unread


def test_large_messages_are_kept_whole(store):
    content = os.urandom(3_500_000)

    number, _ = store.add(Arrival(content))

    assert store.content(number) == content


def test_rows_come_newest_first_in_pages(store):
    add(store, "a", "b", "c", "d")
    store.settle()

    first = store.rows(limit=2)
    second = store.rows(limit=2, before=first[-1].id)

    assert [row.subject for row in [*first, *second]] == ["d", "c", "b", "a"]
    assert [row.subject for row in store.rows(after=first[-1].id)] == ["d"]


def test_the_list_shows_who_what_and_the_first_words(store):
    store.add(Arrival(HTML_MAIL))
    store.settle()

    [row] = store.rows()

    assert (row.author, row.subject) == ("Shop <shop@example.com>", "Order 4711")
    assert (row.preview, row.attachments) == ("Thank you.", 0)


def test_the_oldest_make_room(tmp_path):
    store = Store(tmp_path / "s", keep=3)
    add(store, "a", "b", "c")

    _, gone = store.add(Arrival(plain_mail("d")))

    assert gone == [1]
    assert [row.id for row in store.rows()] == [4, 3, 2]
    assert store.content(1) is None
    store.close()


def test_old_messages_make_room_by_size_and_the_newest_stays(tmp_path):
    store = Store(tmp_path / "s", keep_octets=1000)
    add(store, "a", "b")

    store.add(Arrival(b"x" * 5000))

    assert [row.id for row in store.rows()] == [3]
    store.close()


def test_deleted_messages_are_gone_and_files_stay(store):
    add(store, "a", "b")
    store.add(Arrival(plain_mail("c"), file="c.eml"))

    assert store.delete([1, 3, 99]) == [1]
    assert [row.id for row in store.rows()] == [3, 2]
    assert store.counts() == (2, 2)


def test_an_id_is_never_given_twice(store):
    add(store, "a", "b")
    store.delete([1, 2])

    assert add(store, "c") == [3]


def test_marking_changes_the_count_once(store):
    add(store, "a", "b")

    assert store.mark(1, unread=False)
    assert not store.mark(1, unread=False)
    assert not store.mark(99, unread=False)
    assert store.counts() == (2, 1)


def test_mail_survives_the_process(tmp_path):
    first = Store(tmp_path / "s")
    add(first, "a")
    first.close()

    second = Store(tmp_path / "s")
    assert second.content(1) == plain_mail("a")
    assert second.counts() == (1, 1)
    second.close()


def test_one_process_has_a_store_to_itself(store):
    with pytest.raises(StoreInUse, match="another --store"):
        Store(store.path)

    assert add(store, "still") == [1]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_file_is_for_its_owner_alone(store):
    add(store, "a")

    assert {stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\x00" + b"x" * 5000])
def test_a_file_that_is_no_store_is_left_alone(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"notes\.txt is not the store"):
        Store(path)
    assert path.read_bytes() == content


def test_threads_share_it(store):
    threads = [threading.Thread(target=add, args=(store, *"abcde")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.settle()

    assert store.counts() == (40, 40)
    assert {row.subject for row in store.rows(limit=50)} == set("abcde")


def test_lone_surrogates_and_nul_are_stored(store):
    number, _ = store.add(Arrival(b"Subject: a\x00b\xff\r\n\r\n\x00", "\ud800@x", ("\udcff",)))
    store.settle()

    assert store.row(number).subject
    assert store.rows("b")
