"""What type checkers know of `get_connection()`: the options of each backend. Nothing runs this.

A test compares it with the backends themselves.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, TextIO, TypedDict, Unpack, overload

from .base import BaseEmailBackend

_Path = str | os.PathLike[str]
_SecretText = str | Callable[[], str]


class Login(TypedDict, total=False):
    """What Django's SMTP backend has, and other backends ignore in a call."""

    host: str | None
    port: int | None
    username: str | None
    password: _SecretText | None
    use_tls: bool | None
    use_ssl: bool | None
    timeout: float | None
    ssl_keyfile: _Path | None
    ssl_certfile: _Path | None


class SMTP(Login, total=False):
    ssl_keyfile_password: _SecretText | None
    ca_file: _Path | None
    ssl_context: ssl.SSLContext | None
    local_hostname: str | None
    source_address: str | tuple[str, int] | None
    connect_timeout: float | None
    connect: Callable[[str, int, float | None], Any] | None
    server_hostname: str | None
    auth: str | None
    allow_cleartext_auth: bool
    ehlo_after_auth: bool
    window: int
    retries: int
    keep_alive: float
    pool_size: int
    max_messages: int | None
    max_lifetime: float | None
    max_connections: int | None
    max_recipients: int | None
    notify: str
    ret: str
    extensions: str | Sequence[str]


class Console(Login, total=False):
    stream: TextIO | None


class File(Login, total=False):
    file_path: _Path | None
    format: str


class Sendmail(Login, total=False):
    program: _Path | None
    arguments: Sequence[str]


class Queue(Login, total=False):
    path: _Path | None
    mailer: str
    rate: str
    worker: str
    unsafe_filesystem: bool


class Failover(TypedDict, total=False):
    mailers: Iterable[Any]
    cooldown: float


class RoundRobin(Failover, total=False):
    weights: Iterable[int] | None


class Redirect(TypedDict, total=False):
    mailer: Any
    to: Iterable[Any]
    allow: Iterable[str]
    subject_prefix: str


class Tee(TypedDict, total=False):
    mailer: Any
    copies: Iterable[Any]
    everything: bool


class Signed(TypedDict, total=False):
    mailer: Any
    sign: str | Callable[[bytes], bytes] | None


class Django(SMTP, total=False):
    """The options of Django's own backends, for those that are named in another way."""

    stream: TextIO | None
    file_path: _Path | None


OPTIONS: dict[str, Any] = {
    "smtp": SMTP,
    "console": Console,
    "filebased": File,
    "locmem": Login,
    "dummy": Login,
    "sendmail": Sendmail,
    "inbox": Login,
    "queue": Queue,
    "failover": Failover,
    "roundrobin": RoundRobin,
    "redirect": Redirect,
    "tee": Tee,
    "signed": Signed,
}
"""By module, for the test."""


class GetConnection(Protocol):
    """`get_connection()`, with the options of each short name.

    For a URL or a dotted path, these are the options of Django's backends and of ours for SMTP;
    for a class, any.
    """

    @overload
    def __call__(
        self, backend: Literal["smtp"], fail_silently: bool = False, **options: Unpack[SMTP]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Literal["console"], fail_silently: bool = False, **options: Unpack[Console]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self,
        backend: Literal["file", "filebased"],
        fail_silently: bool = False,
        **options: Unpack[File],
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self,
        backend: Literal["memory", "locmem", "dummy", "inbox"],
        fail_silently: bool = False,
        **options: Unpack[Login],
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Literal["sendmail"], fail_silently: bool = False, **options: Unpack[Sendmail]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Literal["queue"], fail_silently: bool = False, **options: Unpack[Queue]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Literal["failover"], fail_silently: bool = False, **options: Unpack[Failover]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self,
        backend: Literal["roundrobin"],
        fail_silently: bool = False,
        **options: Unpack[RoundRobin],
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Literal["redirect"], fail_silently: bool = False, **options: Unpack[Redirect]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Literal["tee"], fail_silently: bool = False, **options: Unpack[Tee]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Literal["signed"], fail_silently: bool = False, **options: Unpack[Signed]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: str | None = None, fail_silently: bool = False, **options: Unpack[Django]
    ) -> BaseEmailBackend: ...
    @overload
    def __call__(
        self, backend: Callable[..., Any], fail_silently: bool = False, **options: Any
    ) -> BaseEmailBackend: ...
