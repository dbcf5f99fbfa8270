from __future__ import annotations

import asyncio
import threading

import pytest

from simplemail import threads


@pytest.fixture(autouse=True)
def _no_threads_left():
    yield
    threads.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("simplemail")]


class Mailer:
    alias = "one"
    pool_size = 2


def test_a_call_runs_in_a_thread_of_its_mailer():
    name = asyncio.run(threads.in_thread(Mailer(), lambda: threading.current_thread().name))

    assert name.startswith("simplemail-one")


def test_an_error_comes_through():
    with pytest.raises(ZeroDivisionError):
        asyncio.run(threads.in_thread(Mailer(), lambda: 1 / 0))


def test_a_mailer_has_no_more_threads_than_its_pool_size():
    async def run():
        calls = [threads.in_thread(Mailer(), threading.get_ident) for _ in range(20)]
        return set(await asyncio.gather(*calls))

    assert len(asyncio.run(run())) <= 2


def test_threads_start_again_after_close():
    asyncio.run(threads.in_thread(Mailer(), int))
    threads.close()

    assert asyncio.run(threads.in_thread(Mailer(), int, "7")) == 7
