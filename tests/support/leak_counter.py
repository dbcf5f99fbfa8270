"""A web server that counts whoever connects: a leak, if nobody should."""

from __future__ import annotations

import contextlib
import socket
import threading

PIXEL = bytes.fromhex(
    "47494638396101000100800000ff00000000002c00000000010001000002024401003b"
)  # a red GIF


class LeakCounter:
    """Counts TCP connections, and keeps the request lines. Serves `pages` by path, or a pixel."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[str] = []
        self.pages: dict[str, str] = {}
        self._ended = False

    def __enter__(self) -> LeakCounter:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended = True
        with socket.create_connection(self._listener.getsockname()):
            pass
        self._threads[0].join()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._ended:
                sock.close()
                return
            self.connections += 1
            self._open.add(sock)
            thread = threading.Thread(target=self._serve, args=[sock])
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError), sock.makefile("rb") as lines:
            while request := lines.readline():
                header = list(iter(lambda: lines.readline().strip(), b""))
                line = request.decode("latin-1").strip()
                referrer = next((h for h in header if h.lower().startswith(b"referer:")), b"")
                self.requests.append(f"{line} {referrer.decode()}".strip())
                page = self.pages.get(line.split()[1])
                body = PIXEL if page is None else page.encode()
                kind = "image/gif" if page is None else "text/html; charset=utf-8"
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                sock.sendall(f"{head}Access-Control-Allow-Origin: *\r\n\r\n".encode() + body)
        self._open.discard(sock)
