"""The defaults of an inbox."""

SMTP_PORT, HTTP_PORT = 1025, 8025
"""Where developers look for such a server, from MailHog on."""

KEEP = 1_000  # messages
KEEP_OCTETS = 1_000_000_000
MAX_SIZE = 50_000_000  # octets of one message
