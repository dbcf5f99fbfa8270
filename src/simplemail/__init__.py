"""Django's email without Django, on the standard library alone."""
