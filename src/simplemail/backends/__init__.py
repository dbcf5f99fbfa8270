"""Where mail can go: one module a backend, each with one `EmailBackend`."""
