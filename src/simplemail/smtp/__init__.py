"""Takes envelopes to a mail server, and returns what it answered."""
