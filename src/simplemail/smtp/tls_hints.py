"""Says why TLS failed, and how to fix it."""

from __future__ import annotations

from ..light import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
NAME_MISMATCH = (62, 64)

_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
"""OpenSSL's codes (x509_vfy.h) for a chain that doesn't lead to an authority that is trusted."""

_CERTIFICATE = {
    9: "isn't valid yet; check this machine's clock",
    10: ("has expired; the server's operator must renew it, unless this machine's clock is wrong"),
    23: "was revoked; the server's operator must replace it",
    66: "has a key that is too weak; the server's operator must replace it",
    67: "is signed by an authority whose key is too weak; the server's operator must replace it",
    68: "is signed with an algorithm that is too weak; the server's operator must replace it",
}
"""What is wrong with a certificate, and the remedy, by OpenSSL's code."""

# OpenSSL's reasons, as `ssl.SSLError.reason` has them.
_WANTS_CERTIFICATE = ("TLSV13_ALERT_CERTIFICATE_REQUIRED",)
_REJECTS_CERTIFICATE = (
    *("TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE", "TLSV1_ALERT_ACCESS_DENIED"),
    *("SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_REVOKED"),
    *("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"),
)
_NOTHING_IN_COMMON = ("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY")
_TOO_OLD = (
    *("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"),
    *("WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED"),
)

_REJECTED = "it may have rejected the client certificate"
_OLD = "it lacks TLS 1.2, or its keys are too weak, and its operator must upgrade it"


def sentence(error: OSError, said: str, where: str, given: Collection[str]) -> str:
    """Explain an error of TLS, or return "" for another one.

    `said` is its own text, and `where` the server; no remedy is an option that was `given`.
    """
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return _about_certificate(error, where, given)
    inner = error if isinstance(error, ssl.SSLError) else error.__cause__
    if not isinstance(inner, ssl.SSLError):
        return ""
    remedy = _about_handshake(getattr(inner, "reason", ""), given)
    return f"The TLS handshake with {where} failed ({said}); {remedy}"


def _about_handshake(reason: str, given: Collection[str]) -> str:
    has_certificate = "ssl_certfile" in given
    if reason in _WANTS_CERTIFICATE and not has_certificate:
        if "ssl_context" in given:
            return "it requires a client certificate, and the ssl_context you passed has none"
        return "it requires a client certificate; set ssl_certfile='/path/to/cert.pem'"
    if reason in (*_WANTS_CERTIFICATE, *_REJECTS_CERTIFICATE):
        return _REJECTED
    if reason in _TOO_OLD or reason in _NOTHING_IN_COMMON:
        return _about_agreement(reason, given)
    if "use_ssl" in given:
        return "if it expects STARTTLS (port 587), use smtp+tls:// (use_tls)"
    if "use_tls" in given:
        return "it accepted STARTTLS, and then failed; ask its operator"
    return "use_ssl means TLS from the start (port 465), use_tls means STARTTLS (port 587)"


def _about_agreement(reason: str, given: Collection[str]) -> str:
    """Return what would help where the two have no version or cipher in common."""
    if "ssl_context" in given:
        return "it accepts none of the TLS versions and ciphers of the ssl_context you passed"
    if reason in _TOO_OLD:
        return _OLD
    # RFC 5246, 7.2.2: the same alert says that a certificate is missing.
    if "ssl_certfile" in given:
        return f"{_REJECTED}, or {_OLD}"
    wants = "it may require a client certificate: set ssl_certfile='/path/to/cert.pem'"
    return f"{wants}; otherwise {_OLD}"


def _about_certificate(error: Any, where: str, given: Collection[str]) -> str:
    whose = f"The certificate of {where}"
    if error.verify_code in NAME_MISMATCH:
        option = "server_hostname" if "server_hostname" in given else "host"
        return (
            f"{whose} is for another name ({error.verify_message}); set {option} to a name that "
            "is in the certificate"
        )
    if known := _CERTIFICATE.get(error.verify_code):
        return f"{whose} {known}"
    remedy = _about_trust(error.verify_code, given)
    return f"{whose} is not trusted ({error.verify_message}){remedy}"


def _about_trust(code: int, given: Collection[str]) -> str:
    unknown = code in _UNKNOWN_AUTHORITY
    if "ssl_context" in given:
        return "; the ssl_context you passed doesn't trust its authority" if unknown else ""
    if "ca_file" in given:
        return "; it isn't signed by an authority in ca_file" if unknown else ""
    if unknown and _no_authorities_here():
        return (
            ", and this machine has no certificate authorities; install them (the package "
            "ca-certificates), or pass ca_file='/path/to/ca.pem'"
        )
    return "; if your own CA signed it, pass ca_file='/path/to/ca.pem'"


def _no_authorities_here() -> bool:
    import os
    import ssl
    import sys

    if sys.platform in ("win32", "darwin"):  # they keep them elsewhere
        return False
    paths = ssl.get_default_verify_paths()
    file = bool(paths.cafile and os.path.getsize(paths.cafile))  # noqa: PTH202 - light
    return not file and not (paths.capath and os.listdir(paths.capath))  # noqa: PTH208
