"""What the pages take for granted: the files and the environment of a reader's machine."""

from pathlib import Path

TLS = Path(__file__).parent / "tls"
FILES = {
    "logo.png": b"\x89PNG\r\n\x1a\n logo",
    "photo.jpg": b"\xff\xd8\xff photo",
    "report.pdf": b"%PDF-1.7 report",
    "our-ca.pem": (TLS / "ca.pem").read_bytes(),
    "report.csv": b"month,sum\nMay,42\n",
}

ENVIRONMENT = {
    "EMAIL_URL": "smtp+tls://me:secret@mail.example.com",
    "EMAIL_HOST_PASSWORD": "secret",
}
"""A mailer is configured, so that a page about something else needn't do it."""
