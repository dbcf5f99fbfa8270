"""Sends connections for the documentation's hosts to the ports that DOCS_PORTS names.

Python imports this by itself in the processes that the documentation's shell blocks start.
"""

import os
import socket

HOSTS = ("smtp.gmail.com", "mail.example.com", "smtp.example.com", "localhost")


def getaddrinfo(host, port, *args, **kwargs):
    """Answer for HOSTS as if they were here; no other host exists."""
    if host != "127.0.0.1" and host not in HOSTS:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    ports = dict(pair.split("=") for pair in os.environ["DOCS_PORTS"].split(","))
    address = ("127.0.0.1", int(ports.get(str(port), port)))
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]


if "DOCS_PORTS" in os.environ:
    socket.getaddrinfo = getaddrinfo
