"""Says why a login failed, and how to fix it."""

from __future__ import annotations

from ..exceptions import Secret
from ..light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class _Provider(NamedTuple):
    """What a provider expects of logins with a password, and with a token."""

    domains: tuple[str, ...]
    password: str
    token: str = ""


_APP_PASSWORD = "this provider expects an app password; create one in its account settings"

_PROVIDERS = (
    _Provider(
        ("gmail.com", "google.com", "googlemail.com"),
        "Gmail doesn't accept the account's password here; create an app password at "
        "https://myaccount.google.com/apppasswords, or use OAuth (auth='xoauth2')",
        "the token must be the account's own, with the scope https://mail.google.com/",
    ),
    _Provider(
        ("office365.com", "outlook.com", "hotmail.com", "live.com"),
        "Microsoft expects OAuth (auth='xoauth2'), and SMTP AUTH must be enabled for the mailbox",
        "the token needs the permission SMTP.Send, and SMTP AUTH must be enabled for the mailbox",
    ),
    _Provider(
        ("yahoo.com", "aol.com", "icloud.com", "me.com", "fastmail.com", "zoho.com", "gmx.com"),
        _APP_PASSWORD,
    ),
    _Provider(
        ("sendgrid.net",),
        "SendGrid expects 'apikey' as the user name, and an API key as the password",
    ),
    _Provider(
        ("amazonaws.com", "amazonaws.com.cn"),
        "Amazon SES needs SMTP credentials; create them in the SES console for this region "
        "(AWS access keys don't work)",
    ),
)

_A_PASSWORD = (
    "the server refused the user name or the password; many providers require an app password"
)
_A_TOKEN = (
    "the server refused the user name or the token; the token may have expired, or be for another "
    "account or purpose"
)


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""


_CARELESS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (
        lambda text: text != text.strip(),
        "begins or ends with white space; if you read it from a file, strip() it",
    ),
    (
        lambda text: not text.strip().isprintable(),
        "contains a no-break space or an invisible character; type it instead of copying it",
    ),
    (_is_quoted, "is in quotes, and they count as a part of it; leave them out"),
)
"""What probably got into a login by the way in which it was read or copied."""


def offers(methods: Sequence[str]) -> str:
    """Describe which AUTH methods a server offers."""
    return f"offers AUTH {' '.join(methods)}" if methods else "offers no AUTH at all"


def about_auth(features: Mapping[str, str], offered: Sequence[str], *, encrypted: bool) -> str:
    """Return what would help where no AUTH method will do, with "; " before it, or ""."""
    if "starttls" in features and not encrypted and not offered:
        return "; it may offer it after STARTTLS: use smtp+tls:// (use_tls)"
    if not offered:
        return "; leave out user name and password, or use the port for logins (587 or 465)"
    if {"XOAUTH2", "OAUTHBEARER"} & {*offered}:
        return (
            "; to use OAuth, set 'password' to a callable that returns a token, or name the method "
            "in 'auth'"
        )
    if "EXTERNAL" in offered:
        return "; to log in with a client certificate (ssl_certfile), set auth='external'"
    return ""


def after_login(
    host: str, code: int, *, encrypted: bool, token: bool, username: str, secret: Secret
) -> list[str]:
    """Return what would help after the server has refused a login with this code.

    `token` says that the secret was sent as an OAuth token.
    """
    if code < 500:
        return ["the login failed for now; try again later"]
    # RFC 4954, 6: encryption is required, for this method or for any command.
    if code in (530, 538) and not encrypted:
        return ["the server requires TLS; use smtp+tls:// (use_tls, port 587)"]
    what = "token" if token else "password"
    careless = [*_careless("user name", username), *_careless(what, secret.reveal())]
    return [*careless, _expected(host.lower().rstrip("."), token)]


def _expected(host: str, token: bool) -> str:
    for each in _PROVIDERS:
        if any(host == domain or host.endswith(f".{domain}") for domain in each.domains):
            return (each.token or _A_TOKEN) if token else each.password
    return _A_TOKEN if token else _A_PASSWORD


def _careless(what: str, text: object) -> list[str]:
    if not isinstance(text, str):
        return []
    return [f"the {what} {words}" for applies, words in _CARELESS if applies(text)][:1]
