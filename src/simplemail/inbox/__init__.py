"""A mail server with a web page, for development: it shows what a program sends."""
