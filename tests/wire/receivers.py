"""Who gets callbacks: a server that answers them, and one that says something else."""

import http.server
import json
import socket
import threading
from contextlib import contextmanager


class Crowded(http.server.ThreadingHTTPServer):
    """A server at whose door many may wait; the library's own lets five, and the sixth comes again after a second."""

    request_queue_size = 256


class Receiver:
    """Somebody who gets callbacks and answers each with `status` and `headers`, after `patience` has been set."""

    def __init__(self, status=200, **headers):
        self.got, self.patience = [], threading.Event()
        self.patience.set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), json.loads(body)))
                receiver.patience.wait(10)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Crowded(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/done"

    @property
    def bodies(self):
        return [body for _, _, body in self.got]


@contextmanager
def receiving(*args, **headers):
    receiver = Receiver(*args, **headers)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.patience.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


@contextmanager
def talking(data):
    """The URL of somebody who answers whatever comes with these bytes, and holds the line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def talk():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                connection.sendall(data)

        threading.Thread(target=talk, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        for connection in held:
            connection.close()
        server.shutdown(socket.SHUT_RDWR)
