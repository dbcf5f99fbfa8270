"""From an envelope to the server, and back with the truth about it."""
