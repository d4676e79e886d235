"""A client that is nobody's SDK: the standard library's."""

import http.client
import json
from typing import NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """What came back; `body` is parsed where it is JSON."""

    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def body(self):
        return json.loads(self.raw)


class Wire:
    """Sends requests to one base URL, each on a fresh connection; `server` is the mock where a test has its own."""

    def __init__(self, url: str, server=None) -> None:
        self.url = url
        self.server = server

    def send(self, method, path, body=None, headers=None) -> Answer:
        parts = urlsplit(path if path.startswith("http") else self.url + path)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        try:
            connection.request(method, target, data, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def call(self, provider, endpoint, body=None, *, headers=None, without=(), query="", **params) -> Answer:
        """Call a documented endpoint as its documentation says: path, method, key, required headers."""
        entry = provider.endpoints[endpoint]
        key = provider.data["key"]
        given = {key["header"]: f"{key['scheme']} {key['example']}", "Content-Type": "application/json"}
        given |= {header.name: header.const for header in entry.headers if header.when is None}
        given |= headers or {}
        given = {name: value for name, value in given.items() if name not in without}
        return self.send(entry.method, entry.path.format(**params) + query, body, given)
