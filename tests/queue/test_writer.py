"""What a worker's threads have to write shares transactions, and none spoils the others'."""

from __future__ import annotations

import pytest

from simplemail.queue import QueueError, writer
from simplemail.queue.writer import Writer


@pytest.fixture
def patient(queue, monkeypatch):
    """A writer that gathers until somebody waits for it."""
    monkeypatch.setattr(writer, "GATHER", 60)
    queue.counts()
    ours = Writer(queue.file)
    ours.start()
    yield ours
    assert ours.close(30)


def insert(db, words):
    db.executemany("INSERT INTO simplemail_meta VALUES (?, 1)", [(word,) for word in words])
    return [f"{word} of {len(words)}" for word in words]


def words_in(queue):
    with queue.file.reading() as db:
        sql = "SELECT name FROM simplemail_meta WHERE name != 'version' ORDER BY name"
        return [row[0] for row in db.execute(sql).fetchall()]


def test_results_are_committed_together_with_what_somebody_waits_for(queue, patient):
    told = []
    for word in ("a", "b", "c"):
        patient.gather(insert, word, told.append)
    assert words_in(queue) == []

    patient.do(lambda db: insert(db, ["d"]))

    assert words_in(queue) == ["a", "b", "c", "d"]
    assert told == ["a of 3", "b of 3", "c of 3"]


def test_what_nobody_waits_for_is_written_soon_all_the_same(queue, patient, monkeypatch, server):
    monkeypatch.setattr(writer, "GATHER", 0.001)
    patient.do(lambda db: None)  # its wait with the old time is over
    patient.later(lambda db: insert(db, ["a"]))

    server.wait_for(lambda: words_in(queue) == ["a"], timeout=30)


def test_a_result_that_can_not_be_written_is_told_and_keeps_no_other_back(queue, patient, caplog):
    told = []
    for word in ("a", "\udcff", "b"):
        patient.gather(insert, word, told.append)

    assert patient.do(lambda db: 17) == 17
    assert words_in(queue) == ["a", "b"]
    assert told == ["a of 1", "b of 1"]
    assert "Can't record what happened to messages" in caplog.text


def test_who_waits_gets_the_error_and_the_results_are_written_when_that_can_be(queue, server):
    queue.counts()
    ours = Writer(queue.file)
    ours.start()
    with queue.file.alone() as db:
        db.execute("PRAGMA max_page_count=1")

    def fill(db, values):
        db.execute("CREATE TABLE large AS SELECT zeroblob(100000)")
        return values

    with pytest.raises(QueueError, match="make room on the disk"):
        ours.do(lambda db: fill(db, [1]))
    assert ours.close(30)


def test_a_writer_that_was_closed_takes_no_more(queue):
    ours = Writer(queue.file)
    ours.start()
    assert ours.close(30)

    with pytest.raises(QueueError, match="has stopped"):
        ours.later(lambda db: None)
