import os
import random
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import simplemail
from simplemail.rendering.msgid import DNS_NAME, CachedDnsName, make_msgid


@pytest.fixture
def name(monkeypatch):
    """A function that sets what this machine is called, and returns a cache that is still empty."""

    def called(value):
        monkeypatch.setattr(socket, "getfqdn", lambda: value)
        return CachedDnsName()

    return called


def test_has_the_form_that_the_standard_library_gives_it():
    assert re.fullmatch(r"<\d+\.\d+\.\d+@mail\.example>", make_msgid(domain="mail.example"))


def test_takes_a_string_that_strengthens_it():
    assert re.fullmatch(r"<\d+\.\d+\.\d+\.order-7@d\.example>", make_msgid("order-7", "d.example"))


@pytest.mark.parametrize("name", ["idstring", "domain"])
@pytest.mark.parametrize("text", ["a b", "a\n", "<a>", "a@b", "bücher", ""])
def test_takes_nothing_that_it_cannot_hold(name, text):
    with pytest.raises(ValueError, match=f"{name!r} must be ASCII without spaces"):
        make_msgid(**{name: text})


def test_begins_with_the_time_in_hundredths_of_a_second(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_795_939_200.129)

    assert make_msgid(domain="d.example").startswith("<179593920012.")


def test_never_comes_twice():
    assert len({make_msgid(domain="d.example") for _ in range(1000)}) == 1000


def test_is_not_repeated_when_a_test_seeds_the_random_module():
    random.seed(1)
    first = make_msgid(domain="d.example").split(".")[2]
    random.seed(1)
    assert make_msgid(domain="d.example").split(".")[2] != first


def test_belongs_to_this_machine_by_default(monkeypatch):
    monkeypatch.setattr(DNS_NAME, "_fqdn", "here.example", raising=False)

    assert make_msgid().endswith("@here.example>")


def test_name_is_asked_for_when_needed_and_kept(name):
    cached = name("first.example")
    assert str(cached) == "first.example"

    name("second.example")

    assert cached.get_fqdn() == "first.example"


def test_name_is_asked_for_again_once_the_cache_is_cleared(name):
    cached = name("first.example")
    str(cached)
    name("second.example")

    del cached._fqdn

    assert str(cached) == "second.example"


@pytest.mark.parametrize(
    ("found", "used"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("my_host", "my_host"),
        ("", "localhost"),
        ("a b", "localhost"),
        ("x\r\nBcc: y", "localhost"),
        ("ü" * 70, "localhost"),
    ],
)
def test_name_can_stand_in_a_header(name, found, used):
    assert str(name(found)) == used


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_is_another_one_in_a_forked_process():
    program = (
        "import os; from simplemail.rendering.msgid import random_bits; random_bits(); "
        "read, write = os.pipe(); child = os.fork(); mine = str(random_bits()).encode(); "
        "os.write(write, mine + b' ') and os._exit(0) if not child else os.waitpid(child, 0); "
        "raise SystemExit(os.read(read, 99).split() == [mine])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(simplemail.__file__).parent.parent)}

    subprocess.run([sys.executable, "-c", program], check=True, env=environment, timeout=30)
