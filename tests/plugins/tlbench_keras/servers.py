"""Servers of this machine that answer as a test wants."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Handler = http.server.BaseHTTPRequestHandler
Answer = Callable[[Handler], None]
Serve = Callable[[Answer], AbstractContextManager[tuple[str, list[str]]]]


@contextmanager
def serve_here(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """Serve until the context ends; yields the address and a growing list of what is asked."""
    paths: list[str] = []

    class Recorder(Handler):
        def do_GET(self) -> None:
            paths.append(f"{self.command} {self.path}")
            answer(self)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler: Handler, body: bytes, *, status: int = 200, length: int = -1) -> None:
    """Answer with `body`, claiming `length` bytes where that is given; to HEAD without the body."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length < 0 else length))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
        handler.wfile.flush()
