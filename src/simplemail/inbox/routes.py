"""The paths that the inbox answers, and who answers each of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pkgutil import get_data
from typing import NamedTuple

from . import api, views
from .answers import THE_PAGE, Answer, data, problem
from .app import LATEST, App
from .events import stream
from .guard import READING, Refused
from .search import WrongSearch
from .web import Asked


def answer(app: App, asked: Asked) -> Answer:
    """Find the route and run it; what is wrong with a search is an answer too. Raises Refused."""
    run, values = _route(asked)
    try:
        return run(app, asked, *values)
    except WrongSearch as error:
        return problem(400, str(error))


def the_page(app: App, asked: Asked) -> Answer:
    headers = dict(THE_PAGE)
    if asked.target.has_token:
        token = asked.target.query["token"]
        headers["Set-Cookie"] = f"{app.cookie}={token}; HttpOnly; SameSite=Strict; Path=/"
    return Answer(200, "text/html; charset=utf-8", _file("page.html"), headers)


def the_style(app: App, asked: Asked) -> Answer:
    return Answer(200, "text/css; charset=utf-8", _file("page.css"))


def a_script(app: App, asked: Asked) -> Answer:
    return Answer(200, "text/javascript; charset=utf-8", _file(asked.target.path[1:]))


def health(app: App, asked: Asked) -> Answer:
    challenge = asked.target.query.get("challenge", "")[:200]
    proof = {"proof": app.proof(challenge)} if challenge else {}
    return data({"status": "ok", "smtp": app.smtp_url, **proof})


def events(app: App, asked: Asked) -> Answer:
    return stream(app.messages)


class Route(NamedTuple):
    """A method and a path. In a path, {id} is a number or "latest", and {n} a number."""

    method: str
    path: str
    run: Callable[..., Answer]


ROUTES = (
    Route("GET", "/", the_page),
    Route("GET", "/page.css", the_style),
    Route("GET", "/page.js", a_script),
    Route("GET", "/message.js", a_script),
    Route("GET", "/tools.js", a_script),
    Route("GET", "/healthz", health),
    Route("GET", "/events", events),
    Route("GET", "/api/messages", api.list_messages),
    Route("POST", "/api/messages", api.post_message),
    Route("DELETE", "/api/messages", api.delete_messages),
    Route("GET", "/api/messages/{id}", api.get_message),
    Route("PATCH", "/api/messages/{id}", api.mark_message),
    Route("DELETE", "/api/messages/{id}", api.delete_message),
    Route("GET", "/api/messages/{id}/headers", api.get_headers),
    Route("GET", "/api/messages/{id}/parts", api.get_parts),
    Route("GET", "/api/messages/{id}/links", api.get_links),
    Route("GET", "/api/messages/{id}/warnings", api.get_warnings),
    Route("GET", "/api/wait", api.wait),
    Route("GET", "/m/{id}/html", views.get_html),
    Route("GET", "/m/{id}/text", views.get_text),
    Route("GET", "/m/{id}/source", views.get_source),
    Route("GET", "/m/{id}/eml", views.get_eml),
    Route("GET", "/m/{id}/part/{n}", views.get_part),
    Route("POST", "/m/{id}/release", views.release),
)
"""Everything there is."""

_ENDLESS = (events, api.wait)


def _pattern(path: str) -> re.Pattern[str]:
    text = path.replace("{id}", r"(latest|\d{1,12})").replace("{n}", r"(\d{1,4})")
    return re.compile(text, re.ASCII)


_PATTERNS = [(_pattern(route.path), route) for route in ROUTES]


def _route(asked: Asked) -> tuple[Callable[..., Answer], list[int]]:
    path = asked.target.path
    found = [(route, match) for pattern, route in _PATTERNS if (match := pattern.fullmatch(path))]
    if not found:
        raise Refused(404, "There is nothing here")
    method = "GET" if asked.method in READING else asked.method
    for route, match in found:
        if route.method == method and not (asked.method == "HEAD" and route.run in _ENDLESS):
            return route.run, [LATEST if each == "latest" else int(each) for each in match.groups()]
    allowed = ", ".join(sorted(route.method for route, _ in found))
    raise Refused(405, f"This path takes {allowed}")


@lru_cache(maxsize=8)
def _file(name: str) -> bytes:
    content = get_data(__package__ or "", name)
    assert content is not None
    return content
