"""The inbox's page in Chromium: it shows mail as it comes, and no mail does anything of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from email.mime.image import MIMEImage
from pathlib import Path

import pytest

from simplemail import EmailMultiAlternatives
from simplemail.inbox.release import Release
from simplemail.inbox.server import InboxServer, Options
from simplemail.inbox.store import Arrival
from simplemail.testing import SMTPServer
from support.browser import CHROMEDRIVER, CHROMIUM, WHY_MISSING, Browser, Driver
from support.docs_runner import ROOT
from support.hostile_html import LEAKS
from support.inboxes import FREE, plain_mail, running
from support.leak_counter import PIXEL, LeakCounter

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason=WHY_MISSING),
    pytest.mark.skipif(
        not os.environ.get("SIMPLEMAIL_CI"), reason="SIMPLEMAIL_CI=1 drives a browser"
    ),
]


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with Driver() as driver:
        yield driver


@pytest.fixture(scope="module")
def downloads(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def shared(driver, downloads) -> Iterator[Browser]:
    with driver.browser(downloads) as browser:
        yield browser


@pytest.fixture
def browser(shared) -> Iterator[Browser]:
    """The module's browser, with one empty window."""
    yield shared
    first, *others = shared.windows
    for other in others:
        shared.switch(other)
        shared.close_window()
    shared.switch(first)
    shared.command("Emulation.setEmulatedMedia", features=[])
    shared.resize(1280, 800)
    shared.go("about:blank")


@pytest.fixture
def inbox() -> Iterator[InboxServer]:
    with running() as server:
        yield server


@pytest.fixture
def counter() -> Iterator[LeakCounter]:
    with LeakCounter() as counter:
        yield counter


def html_mail(html: str, subject: str = "HTML") -> bytes:
    message = EmailMultiAlternatives(subject, "text", "shop@example.com", ["ann@example.com"])
    message.attach_alternative(html, "text/html")
    return message.as_bytes()


def add(inbox: InboxServer, *contents: bytes) -> list[int]:
    return [
        inbox.messages.add(Arrival(content, "shop@example.com", ("ann@example.com",)))
        for content in contents
    ]


def subjects(browser: Browser) -> list[str]:
    script = (
        "return [...document.querySelectorAll('#rows .about')].map(e => e.lastChild.textContent)"
    )
    return list(browser.run(script))


def show(browser: Browser, inbox: InboxServer, number: int) -> None:
    """Open a message, and wait until its HTML has been loaded."""
    if browser.url.startswith(inbox.url):
        browser.run("location.hash = arguments[0]", str(number))
    else:
        browser.go(f"{inbox.url}/#{number}")
    frame = f"#view iframe[src^='/m/{number}/']"
    browser.until(lambda: browser.find_all(frame))
    browser.enter_frame(frame)
    browser.until(lambda: browser.run("return document.readyState") == "complete")
    browser.enter_frame(None)


def opened(browser: Browser, before: list[str]) -> str:
    """Wait for a new window and go there."""
    [new] = browser.until(lambda: set(browser.windows) - set(before))
    browser.switch(new)
    return new


# What mail may not do


@pytest.mark.parametrize("name", LEAKS)
def test_a_hostile_mail_is_caught_when_it_is_opened_as_a_plain_page(browser, counter, name):
    """Else the test below would prove nothing."""
    with LeakCounter() as plain:
        plain.pages["/"] = filled(LEAKS[name], counter)
        browser.go(f"{plain.url}/")

        browser.until(lambda: counter.connections, "a leak")


def filled(html: str, counter: LeakCounter) -> str:
    return html.format(leak=counter.url, host=counter.url.removeprefix("http://"))


def test_no_hostile_mail_connects_anywhere_from_the_page(browser, inbox, counter):
    mails = [html_mail(filled(html, counter), name) for name, html in LEAKS.items()]
    for number in add(inbox, *mails):
        show(browser, inbox, number)
        name = browser.text("#subject")
        assert (counter.connections, counter.requests) == (0, []), f"{name}, or the one before"

    # The same page, asked for remote images, is seen by the counter at once.
    [number] = add(inbox, html_mail(f"<img src='{counter.url}/wanted.gif'>"))
    show(browser, inbox, number)
    browser.click("#images")
    browser.until(lambda: counter.requests)
    assert counter.requests == ["GET /wanted.gif HTTP/1.1"]


def test_remote_images_on_demand_are_images_and_nothing_else(browser, inbox, counter):
    html = "".join(filled(html, counter) for html in LEAKS.values() if "<title>" not in html)
    [number] = add(inbox, html_mail(html))
    show(browser, inbox, number)
    browser.click("#images")
    browser.until(lambda: counter.requests)
    browser.find("#images[aria-pressed=true]")

    for request in counter.requests:
        assert request.split()[1].partition(".")[2] in ("gif", "svg"), request
        assert "Referer" not in request


def test_no_script_runs_and_the_page_stays_where_it_is(browser, inbox, counter):
    html = """
    <a id=js href="javascript:parent.document.title='taken'">js</a>
    <form id=f action="{leak}/form" target=_top><button id=send>Send</button></form>
    <a id=top href="{leak}/landing" target=_top>top</a>
    <button id=click onclick="top.location='{leak}/'">click</button>
    """
    [number] = add(inbox, html_mail(filled(html, counter)))
    show(browser, inbox, number)
    url = browser.url
    for selector in ("#js", "#send", "#click"):
        browser.enter_frame("#view iframe")
        browser.click(selector)
        browser.enter_frame(None)

    show(browser, inbox, number)
    assert browser.url == url
    browser.until(lambda: browser.title == "Inbox")  # read, and not taken
    assert counter.requests == []


@pytest.mark.parametrize("target", ["", "_self", "_top", "_parent", "_blank", "name"])
@pytest.mark.parametrize("tag", ["a", "area"])
def test_every_link_opens_outside_and_tells_nothing_of_where_it_was(
    browser, inbox, counter, target, tag
):
    counter.pages["/landing"] = "<title>landed</title>"
    attribute = f'target="{target}"' if target else ""
    link = f'<a href="{counter.url}/landing" {attribute} rel=opener>Confirm</a>'
    if tag == "area":
        link = (
            '<img usemap="#m" width=99 height=99 src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'
            "<map name=m><area shape=rect coords=0,0,99,99 "
            f'href="{counter.url}/landing" {attribute}></map>'
        )
    [number] = add(inbox, html_mail(link))
    show(browser, inbox, number)
    before, page = browser.windows, browser.url

    browser.enter_frame("#view iframe")
    browser.click(tag)
    opened(browser, before)

    browser.until(lambda: browser.title == "landed")
    assert browser.run("return [window.opener, document.referrer]") == [None, ""]
    assert "Referer" not in counter.requests[0]
    browser.switch(before[0])
    assert browser.url == page


def test_a_link_in_the_list_of_links_opens_outside(browser, inbox, counter):
    counter.pages["/landing"] = "<title>landed</title>"
    [number] = add(
        inbox,
        html_mail(f'<a href="{counter.url}/landing">x</a><a href="javascript:alert(1)">y</a>'),
    )
    show(browser, inbox, number)
    before = browser.windows

    browser.click("#tab-Links")
    browser.click("#view td a")
    opened(browser, before)

    browser.until(lambda: browser.title == "landed")
    assert browser.run("return [window.opener, document.referrer]") == [None, ""]
    browser.switch(before[0])
    assert browser.texts("#view td a") == [f"{counter.url}/landing"]
    assert browser.texts("#view .mark") == ["script"]


MARKUP = "<img src=x onerror=\"document.title='taken'\"><b>bold</b>"


def test_text_of_a_message_is_text_everywhere(browser, inbox):
    message = EmailMultiAlternatives(
        f"S{MARKUP}", MARKUP, f'"{MARKUP.replace(chr(34), "")}" <a@example.com>', ["b@example.com"]
    )
    message.attach(f"{MARKUP}.txt".replace("/", ""), "x", "text/plain")
    message.extra_headers["X-Markup"] = MARKUP
    add(inbox, message.as_bytes())
    browser.go(f"{inbox.url}/#1")
    for tab in ("Text", "Source", "Headers", "Parts", "Links", "Warnings"):
        browser.click(f"#tab-{tab}")
        browser.until(lambda tab=tab: browser.find_all(f"#tab-{tab}[aria-selected=true]"))
        browser.find("#view > *")

        assert browser.find_all("#view b, #view img, #rows b, #people b, #files b") == []
        assert browser.find_all("#view script, #rows img, #people img, #subject img") == []
    assert "taken" not in browser.title
    assert browser.text("#subject") == f"S{MARKUP}"


def test_another_sites_page_gets_nothing(browser, inbox, counter):
    """It may know the port: what it can send, and what it can read of the answer."""
    add(inbox, plain_mail("secret"))
    page = """<title>evil</title><iframe id=f src="{url}/m/1/html"></iframe>
    <img id=i src="{url}/m/1/part/0"><script src="{url}/api/messages"></script><script>
    const go = async (path, options) => {
      try { const r = await fetch('{url}' + path, options); return [r.type, r.status]; }
      catch (e) { return 'failed'; }
    };
    (async () => {
      const all = [await go('/api/messages'), await go('/%61pi/messages'),
        await go('/api/messages', {method: 'DELETE'}),
        await go('/api/messages', {method: 'POST', mode: 'no-cors', body: 'x'}),
        await go('/api/messages', {mode: 'no-cors'})];
      document.body.dataset.all = JSON.stringify(all);
    })();
    </script>"""
    counter.pages["/evil"] = page.replace("{url}", inbox.url)
    browser.go(f"{counter.url}/evil")

    seen = browser.until(lambda: browser.run("return document.body.dataset.all"))

    assert json.loads(seen) == ["failed"] * 5
    assert inbox.messages.store.counts() == (1, 1)
    assert browser.run("return document.getElementById('i').naturalWidth") == 0


# What people do with it


def test_mail_arrives_while_the_page_is_open(browser, inbox):
    browser.go(inbox.url)
    browser.until(lambda: browser.is_shown("#how"))
    assert browser.text("#how-url") == f"EMAIL_URL={inbox.smtp_url}"

    add(inbox, plain_mail("first"))
    browser.until(lambda: subjects(browser) == ["first"])
    add(inbox, plain_mail("second"))
    browser.until(lambda: subjects(browser) == ["second", "first"])

    assert browser.title == "(2) Inbox"
    assert browser.text("#counts") == "2 unread of 2"
    assert not browser.is_shown("#how")


def test_opening_marks_as_read_and_a_key_marks_as_unread(browser, inbox):
    add(inbox, plain_mail("a"), plain_mail("b"))
    browser.go(inbox.url)
    browser.click("#rows li:nth-child(1) a")
    browser.until(lambda: browser.text("#counts") == "1 unread of 2")

    browser.press("u")

    browser.until(lambda: browser.text("#counts") == "2 unread of 2")
    assert inbox.messages.store.counts() == (2, 2)


def test_everything_can_be_done_by_keyboard(browser, inbox):
    add(inbox, *(plain_mail(subject) for subject in "abc"))
    browser.go(inbox.url)
    browser.until(lambda: len(subjects(browser)) == 3)

    browser.press("j")
    browser.until(lambda: browser.text("#subject") == "c")
    browser.press("j")
    browser.until(lambda: browser.text("#subject") == "b")
    browser.press("k")
    browser.until(lambda: browser.text("#subject") == "c")
    browser.press("d")
    browser.until(lambda: subjects(browser) == ["b", "a"])
    browser.until(lambda: browser.text("#subject") == "b")
    browser.press("Enter")
    assert browser.run("return document.activeElement.id") == "view"
    browser.press("/")
    browser.press(*"subject:a")
    browser.until(lambda: subjects(browser) == ["a"])
    browser.run("document.activeElement.blur()")
    browser.press("Escape")
    browser.until(lambda: browser.is_shown("#blank"))


def test_tabs_are_walked_by_arrow_keys(browser, inbox):
    add(inbox, html_mail("<p>x"))
    browser.go(f"{inbox.url}/#1")
    browser.click("#tab-HTML")

    browser.press("Right", "Right")

    browser.until(lambda: browser.text("[aria-selected=true]") == "Source")
    assert browser.run("return document.activeElement.id") == "tab-Source"


def test_a_search_finds_says_what_is_wrong_and_ends(browser, inbox):
    add(inbox, plain_mail("invoice"), plain_mail("welcome"))
    browser.go(inbox.url)
    browser.type_into("#search", "subject:invoice")
    browser.until(lambda: subjects(browser) == ["invoice"])

    browser.run("document.getElementById('search').value = 'is:wrong'")
    browser.type_into("#search", " ")
    browser.until(lambda: "is:unread" in browser.text("#search-error"))

    browser.run("document.getElementById('search').value = ''")
    browser.type_into("#search", " ")
    browser.until(lambda: len(subjects(browser)) == 2)
    assert not browser.is_shown("#search-error")


def test_found_messages_are_deleted_after_a_question(browser, inbox):
    add(inbox, plain_mail("draft"), plain_mail("keep"))
    browser.go(inbox.url)
    browser.type_into("#search", "draft")
    browser.until(lambda: subjects(browser) == ["draft"])

    browser.click("#delete-found")
    assert "found by draft" in browser.text("#ask-text")
    browser.click("#ask button[value=no]")
    browser.click("#delete-found")
    browser.click("#ask-yes")

    browser.until(lambda: subjects(browser) == [])
    assert [row.subject for row in inbox.messages.rows()] == ["keep"]


def test_a_message_is_released_to_those_who_are_typed_after_they_are_shown_once_more(browser):
    with SMTPServer() as outside:
        release = Release(outside.url, ["example.net"])
        with running(release=release) as inbox:
            add(inbox, html_mail("<p>x"))
            browser.go(f"{inbox.url}/#1")
            browser.click("#release")
            browser.type_into("#ask-to", "me@example.net")
            browser.click("#ask-yes")
            browser.until(lambda: browser.text("#ask-text") == "To me@example.net")
            assert outside.messages == []

            browser.click("#ask-yes")

            browser.until(lambda: browser.text("#ask-text") == "Sent to me@example.net")
            browser.go("about:blank")

    assert [message.recipients for message in outside.messages] == [["me@example.net"]]


def test_attachments_are_saved_under_their_names_and_nowhere_else(browser, inbox, downloads):
    message = EmailMultiAlternatives("Files", "x", "a@example.com", ["b@example.com"])
    message.attach("größe.bin", b"\x00\xff" * 50, "application/octet-stream")
    content = message.as_bytes()
    hostile = (
        b"Subject: x\n"
        b"Content-Type: text/html; name*=utf-8''..%2F..%2Fevil%E2%80%AEfdp.html\n"
        b"Content-Disposition: attachment\n\n<script>alert(1)</script>"
    )
    add(inbox, content, hostile)
    browser.go(f"{inbox.url}/#1")
    browser.click("#files a")
    browser.go("about:blank")
    browser.go(f"{inbox.url}/#2")
    browser.click("#files a")

    saved = {"größe.bin", "evilfdp.html"}
    browser.until(lambda: saved <= {path.name for path in downloads.iterdir()})
    assert (downloads / "größe.bin").read_bytes() == b"\x00\xff" * 50
    assert browser.windows == [browser.window]


def test_pictures_of_the_message_are_shown(browser, inbox):
    message = EmailMultiAlternatives("Picture", "x", "a@example.com", ["b@example.com"])
    message.attach_alternative('<img src="cid:red@x" width=9>', "text/html")
    picture = MIMEImage(PIXEL, "gif")
    picture["Content-ID"] = "<red@x>"
    message.attach(picture)
    [number] = add(inbox, message.as_bytes())
    show(browser, inbox, number)

    browser.enter_frame("#view iframe")
    assert browser.run("return document.images[0].naturalWidth") == 1


def test_the_mails_own_dark_style_and_the_widths_can_be_tried(browser, inbox):
    html = (
        '<meta name="color-scheme" content="light dark"><style>p{color:#010101}'
        "@media (prefers-color-scheme: dark){p{color:#fefefe}}</style><p>x"
    )
    [number] = add(inbox, html_mail(html))
    show(browser, inbox, number)

    def colour() -> str:
        browser.enter_frame("#view iframe")
        try:
            return str(browser.run("return getComputedStyle(document.querySelector('p')).color"))
        finally:
            browser.enter_frame(None)

    assert colour() == "rgb(1, 1, 1)"
    browser.click("input[value=dark]")
    browser.until(lambda: colour() == "rgb(254, 254, 254)")
    browser.click("input[value='375']")
    browser.until(lambda: browser.run("return document.querySelector('iframe').clientWidth") == 375)
    browser.click("input[value=inverted]")
    browser.find("iframe.inverted")


def test_eight_tabs_are_open_and_all_show_what_comes(browser, inbox):
    browser.go(inbox.url)
    for _ in range(7):
        browser.new_window()
        browser.go(inbox.url)
    add(inbox, plain_mail("for all"))

    for window in browser.windows:
        browser.switch(window)
        browser.until(lambda: subjects(browser) == ["for all"])


def test_when_the_tab_that_listens_is_closed_another_one_does(browser, inbox):
    browser.go(inbox.url)
    first = browser.window
    second = browser.new_window()
    browser.go(inbox.url)
    browser.switch(first)
    browser.close_window()
    browser.switch(second)
    browser.find("#rows")

    add(inbox, plain_mail("still here"))

    browser.until(lambda: subjects(browser) == ["still here"])


def test_the_page_comes_back_after_a_restart_of_the_server(browser, tmp_path):
    options = Options(http=FREE, smtp=FREE, store=tmp_path / "store")
    inbox = InboxServer(options).start()
    add(inbox, plain_mail("before"))
    browser.go(inbox.url)
    browser.until(lambda: subjects(browser) == ["before"])
    port = int(inbox.url.rpartition(":")[2])
    inbox.stop()
    browser.until(lambda: browser.text("#connection") == "Not connected")
    inbox = InboxServer(options._replace(http=("127.0.0.1", port))).start()
    try:
        add(inbox, plain_mail("after"))
        browser.until(lambda: subjects(browser) == ["after", "before"])
        browser.until(lambda: browser.text("#connection") == "")
    finally:
        browser.go("about:blank")
        inbox.stop()


def test_a_token_in_the_address_opens_the_page_and_goes_from_the_address(browser):
    with running(token="secret-token") as inbox:
        add(inbox, plain_mail("x"))
        browser.go(f"{inbox.url}/?token=secret-token")
        browser.until(lambda: subjects(browser) == ["x"])
        assert browser.url == f"{inbox.url}/"
        browser.reload()
        browser.until(lambda: subjects(browser) == ["x"])
        browser.go("about:blank")


def test_on_a_phone_the_message_covers_the_list_and_goes_back(browser, inbox):
    add(inbox, html_mail("<p>x", "narrow"))
    browser.resize(390, 800)
    browser.go(inbox.url)
    browser.until(lambda: subjects(browser) == ["narrow"])
    assert not browser.is_shown("#message")

    browser.click("#rows a")
    browser.until(lambda: browser.is_shown("#open"))
    assert not browser.is_shown("#rows")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.run("return document.querySelector('iframe').clientHeight") > 200

    browser.click("#back")
    browser.until(lambda: browser.is_shown("#rows"))


def test_messages_are_loaded_as_they_are_wanted(browser, inbox):
    add(inbox, *(plain_mail(f"n{number}") for number in range(120)))
    browser.go(inbox.url)
    browser.until(lambda: len(browser.find_all("#rows li")) == 50)
    browser.click("#more")
    browser.until(lambda: len(browser.find_all("#rows li")) == 100)
    browser.click("#more")
    browser.until(lambda: len(browser.find_all("#rows li")) == 120)

    assert not browser.is_shown("#more")


def test_a_flood_of_mail_leaves_the_oldest_rows_for_later(browser, inbox):
    browser.go(inbox.url)
    browser.until(lambda: browser.is_shown("#how"))

    add(inbox, *(plain_mail(f"n{number}") for number in range(520)))

    browser.until(lambda: browser.text("#counts") == "520 unread of 520")
    browser.until(lambda: subjects(browser)[0] == "n519")
    assert len(subjects(browser)) <= 500
    assert browser.is_shown("#more")


def test_a_file_of_the_folder_appears_and_cant_be_deleted(browser, tmp_path):
    with running(folder=tmp_path) as inbox:
        browser.go(inbox.url)
        browser.until(lambda: browser.is_shown("#how"))

        (tmp_path / "a.eml").write_bytes(plain_mail("a file"))
        browser.until(lambda: subjects(browser) == ["a file"])
        browser.click("#rows a")
        browser.until(lambda: str(tmp_path / "a.eml") in browser.text("#people"))
        browser.press("d")

        assert not browser.is_shown("#delete")
        browser.click("#delete-found")
        browser.until(lambda: "files stay" in browser.text("#ask-text"))
        browser.click("#ask-yes")
        assert (tmp_path / "a.eml").exists()
        (tmp_path / "a.eml").unlink()
        browser.until(lambda: subjects(browser) == [])
        browser.go("about:blank")


def test_the_page_has_no_errors(browser, inbox):
    """None on its console: no policy that it breaks itself, no missing file."""
    add(inbox, html_mail("<p>x"))
    with_log = (
        "return performance.getEntriesByType('resource').map(e => [e.name, e.responseStatus])"
    )
    show(browser, inbox, 1)

    loaded = browser.run(with_log)

    assert {status for _, status in loaded if status} == {200}
    assert all(name.startswith((inbox.url, "data:")) for name, _ in loaded)


# How it looks

PICTURES = ROOT / "docs" / "pictures"
AXE = ROOT / ".ci-work" / "browser" / "node_modules" / "axe-core" / "axe.min.js"

WELCOME = """
<table width="100%" style="background:#f0ede6;font-family:Georgia,serif"><tr><td align="center">
<table width="520" style="background:#fff;margin:24px"><tr><td style="padding:8px 28px;color:#222">
<h1 style="color:#7a3b12">Welcome to the shop, Ann</h1>
<p>Thank you for signing up. Please confirm your address, so that we can write to you.</p>
<p style="padding:12px 0"><a href="https://shop.example/confirm?t=9x" style="background:#7a3b12;
color:#fff;padding:12px 22px;border-radius:6px;text-decoration:none">Confirm my address</a></p>
<p style="color:#666;font-size:13px">If you did not sign up, you need not do anything.</p>
<img src="https://shop.example/open.gif"></td></tr></table></td></tr></table>
"""


@pytest.fixture
def shop(inbox) -> InboxServer:
    """An inbox with the mail of a shop."""
    texts = [
        ("Your invoice 4711", "The invoice for November is attached.", "Shop <a@shop.example>"),
        ("Reset your password", "Follow this link within an hour.", "Accounts <b@shop.example>"),
        ("1,204 orders, 3 returns", "Orders rose by four per cent.", "Reports <c@shop.example>"),
    ]  # fmt: skip
    for _ in range(3):
        for subject, text, author in texts:
            message = EmailMultiAlternatives(subject, text, author, ["ann@example.com"])
            if "invoice" in text:
                message.attach("invoice-4711.pdf", b"%PDF" * 9000, "application/pdf")
            inbox.messages.add(
                Arrival(message.as_bytes(), "bounces@shop.example", ("ann@example.com",))
            )
    message = EmailMultiAlternatives(
        "Welcome to the shop, Ann", "Please confirm your address.", "Shop <orders@shop.example>",
        ["Ann <ann@example.com>"], headers={"Message-ID": "<1@shop.example>"},
    )  # fmt: skip
    message.attach_alternative(WELCOME, "text/html")
    message.attach("terms.pdf", b"%PDF" * 9000, "application/pdf")
    envelope = ("ann@example.com", "archive@shop.example")
    inbox.messages.add(Arrival(message.as_bytes(), "bounces@shop.example", envelope))
    return inbox


def pictures(browser: Browser, inbox: InboxServer) -> Iterator[str]:
    """Show everything that the page has, one view after the other, and name each."""
    show(browser, inbox, 10)
    yield "html"
    for tab in ("Text", "Source", "Headers", "Parts", "Links", "Warnings"):
        browser.click(f"#tab-{tab}")
        browser.find(f"#view[aria-labelledby=tab-{tab}] > :not(iframe)")
        yield tab.lower()
    browser.click("#delete-found")
    yield "question"
    browser.click("#ask button[value=no]")
    browser.press("Escape")
    browser.until(lambda: browser.is_shown("#blank"))
    yield "list"


@pytest.mark.skipif(not AXE.exists(), reason="axe-core isn't here; .ci/install-browser installs it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_serious_fault_of_accessibility(browser, shop, scheme):
    browser.prefer(scheme)
    for name in pictures(browser, shop):
        browser.command("Page.enable")
        browser.run(AXE.read_text("utf-8") + "; window.axe = axe")
        browser.run("axe.run({iframes: false}).then(found => { window.found = found })")
        found = browser.until(lambda: browser.run("return window.found"))
        browser.run("window.found = null")
        faults = [
            (each["id"], node["html"][:100], node["failureSummary"])
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
        assert faults == [], name


def test_nothing_jumps_when_a_message_is_opened_or_another_view(browser, shop):
    """The layout shifts that the browser counts while nobody has just clicked (CLS)."""
    browser.go(shop.url)
    browser.until(lambda: len(subjects(browser)) == 10)
    observe = (
        "window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries()"
        ".map(e => e.value))).observe({type: 'layout-shift', buffered: true})"
    )
    browser.run(observe)
    add(shop, plain_mail("one more"))
    browser.until(lambda: len(subjects(browser)) == 11)

    # The rows below the new one move, and nothing else.
    assert sum(browser.run("return shifts")) < 0.25


@pytest.mark.skipif("SIMPLEMAIL_PICTURES" not in os.environ, reason="only to draw them anew")
def test_the_pictures_in_the_documentation_are_made_of_the_page(browser, shop):
    PICTURES.mkdir(exist_ok=True)
    wanted = {"html": "inbox", "warnings": "inbox-warnings", "list": "inbox-list"}
    browser.prefer("light")
    for name in pictures(browser, shop):
        if name in wanted:
            browser.screenshot(PICTURES / f"{wanted[name]}.png")
    browser.prefer("dark")
    browser.go("about:blank")
    show(browser, shop, 10)
    browser.screenshot(PICTURES / "inbox-dark.png")
    browser.resize(420, 800)
    browser.screenshot(PICTURES / "inbox-narrow.png")
