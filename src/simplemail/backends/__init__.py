"""Where mail can go: one module for each backend, with one `EmailBackend` each."""
