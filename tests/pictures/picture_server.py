"""A real HTTP server on this machine, whose answers tests write."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; `path` chooses the answer."""

    protocol_version = "HTTP/1.1"
    server: PictureServer

    def do_GET(self) -> None:
        server = self.server
        with server.lock:
            server.asked[self.path] += 1
            server.headers_of[self.path] = dict(self.headers.items())
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        try:
            answer = server.answers.get(self.path)
            if answer is None:
                self.reply(404, b"<html>gone", {"Content-Type": "text/html"})
            else:
                answer(self)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with server.lock:
                server.under_way -= 1

    def reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        fields = {"Content-Type": "image/png", "Content-Length": str(len(body))} | (headers or {})
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class PictureServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("0.0.0.0", 0), Request)
        self.lock = threading.Lock()
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.headers_of: dict[str, dict[str, str]] = {}
        self.under_way = self.most_under_way = 0
        self.port = self.server_address[1]

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def on(self, path: str, answer: Answer) -> str:
        """Answer a path; its URL."""
        self.answers[path] = answer
        return self.url(path)

    def picture(self, path: str, number: int = 0) -> str:
        data = png(number)
        return self.on(path, lambda request: request.reply(200, data))

    def handle_error(self, *_: object) -> None:
        pass


def png(number: int = 0) -> bytes:
    """A small picture; each number's is another."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (number % 256, number // 256 % 256, 7)).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def picture_server() -> Iterator[PictureServer]:
    server = PictureServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
