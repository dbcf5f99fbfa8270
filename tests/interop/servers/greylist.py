"""A greylist for Postfix: who comes the first time is asked to come again."""

from __future__ import annotations

import socketserver
import threading


class Greylist:
    """A policy server that defers a sender and recipient once, and then lets them through.

    https://www.postfix.org/SMTPD_POLICY_README.html
    """

    def __enter__(self) -> Greylist:
        self.seen: set[tuple[str, str]] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.greylist = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def judge(self, sender: str, recipient: str) -> str:
        """The answer for one recipient."""
        if (sender, recipient) in self.seen:
            return "DUNNO"
        self.seen.add((sender, recipient))
        return "DEFER 4.7.1 Greylisted, come again"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    greylist: Greylist


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        request: dict[str, str] = {}
        for line in self.rfile:
            name, _, value = line.decode().strip().partition("=")
            if name:
                request[name] = value
                continue
            assert isinstance(self.server, _Server)
            answer = self.server.greylist.judge(request["sender"], request["recipient"])
            self.wfile.write(f"action={answer}\n\n".encode())
            request.clear()
