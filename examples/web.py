"""A web server that can be replaced without anybody noticing: ``PORT0=8000 VERSION=1 python examples/web.py``.

Told to end (SIGTERM) it is not well any more, but goes on answering for a while: whoever balances load needs a moment
to hear of it. Then it finishes what it has begun, and ends. Nothing but Python's own library.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LINGER_S = float(os.environ.get("LINGER", "1.5"))
leaving = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_well = self.path != "/health" or not leaving.is_set()
        text = f"{os.environ.get('VERSION', '0')} {os.environ.get('MESOS_TASK_ID', '')}\n".encode()
        self.send_response(200 if is_well else 503)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the load of an example is nobody's news."""


class Server(ThreadingHTTPServer):
    daemon_threads = False  # what has begun is finished
    request_queue_size = 128


def main() -> None:
    server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT0"])), Handler)

    def linger() -> None:
        leaving.wait()
        time.sleep(LINGER_S)
        server.shutdown()

    signal.signal(signal.SIGTERM, lambda signum, frame: leaving.set())
    threading.Thread(target=linger, daemon=True).start()
    server.serve_forever(poll_interval=0.05)
    server.server_close()


if __name__ == "__main__":
    main()
