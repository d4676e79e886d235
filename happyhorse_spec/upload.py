"""The local files of a spec, put where the provider reads them: uploaded by its policy, or written into the body.

An upload costs nothing and is repeated like a poll, each time with a policy of its own; it comes before the request is
written down as about to leave. A file is sent under the digest of its content: what it is called here is nobody's
business. What the policy signs is shown nowhere.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from happyhorse_spec import pointer
from happyhorse_spec.answers import Answer, UnknownAnswer
from happyhorse_spec.client import Client, ExchangeError, Reply, Transient, Unreachable
from happyhorse_spec.enclosure import Parcel, Way, digest_of, replaced
from happyhorse_spec.media import MediaError, probe_bytes
from happyhorse_spec.redaction import HIDDEN
from happyhorse_spec.trail import Exchange, Kind, Trail
from happyhorse_spec.verdict import said

if TYPE_CHECKING:
    import aiohttp

POLICY = "upload_policy"

#: Types of formats that are not called like the format. https://www.iana.org/assignments/media-types
_SUBTYPES = MappingProxyType({"mov": "quicktime"})
_NAMED = re.compile(r"<(Code|Message)>([^<]{1,200})</")
_MB = 2**20


class NotPacked(Exception):
    """A local file that does not get to the provider: its request is not sent. `at` is its place in the spec."""

    def __init__(self, message: str, kind: Kind, at: str) -> None:
        super().__init__(message)
        self.kind, self.at = kind, at


async def packed(trail: Trail, parcels: Sequence[Parcel], client: Client, now: Callable[[], float]) -> Any:
    """The body of a trail with its local files in it, by URL or whole; `now` is the clock of its exchanges.

    Raises NotPacked.
    """
    urls: dict[str, str] = {}
    for parcel in parcels:
        place = f"/request{parcel.at}"
        try:
            if parcel.way is not Way.NONE:
                urls[parcel.at] = await _url(trail, parcel, client, now)
        except Unreachable as error:
            raise NotPacked(str(error), Kind.UNREACHABLE, place) from error
        except (ExchangeError, MediaError) as error:
            raise NotPacked(str(error), Kind.EXCHANGE, place) from error
    return replaced(trail.spec.body, urls)


async def _url(trail: Trail, parcel: Parcel, client: Client, now: Callable[[], float]) -> str:
    """What stands in the request in place of a file's name."""
    content = await asyncio.to_thread(parcel.read)
    sent = _Sent(parcel.path.name, content, digest_of(content), *_kind(parcel, content))
    if trail.files.get(parcel.at, sent.digest) != sent.digest:
        told = f"{sent.title} has changed since the run began; it was not sent, run it anew"
        raise NotPacked(told, Kind.LEDGER, f"/request{parcel.at}")
    if parcel.way is Way.INSIDE:
        return f"data:{sent.kind}/{sent.subtype};base64,{b64encode(content).decode()}"
    return await _Upload(trail, sent, client, now).run()


def _kind(parcel: Parcel, content: bytes) -> tuple[str, str]:
    """Kind and format of a file; raises MediaError where it is no picture and no clip: nothing else may leave."""
    facts = probe_bytes(content)
    if facts["kind"] not in ("image", "video"):
        raise MediaError(f"{str(parcel.path)!r}: It is no picture and no clip; nothing else is sent from a file.")
    return str(facts["kind"]), str(facts["format"])


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file as it is sent; `title` is its name here."""

    title: str
    content: bytes
    digest: str
    kind: str
    form: str

    @property
    def subtype(self) -> str:
        return _SUBTYPES.get(self.form, self.form)


@dataclass(frozen=True, slots=True)
class _Upload:
    """One file on its way to the storage."""

    trail: Trail
    sent: _Sent
    client: Client
    now: Callable[[], float]

    async def run(self) -> str:
        """The URL that the request names the file by."""
        try:
            return await self.client.patience.repeat(self._once)
        except Transient as error:
            raise ExchangeError(f"{self._title} failed: {error}") from error

    async def _once(self) -> str:
        policy = await self._policy()
        self._must_fit(policy)
        host, folder = policy.value("upload_host"), policy.value("upload_dir")
        key = f"{folder}/{self.sent.digest[:32]}.{self.sent.form}"
        fields = {name: _filled(text, key, policy.body) for name, text in self._fields.items()}
        reply = await self.client.post_form(str(host), self._form(fields, key))
        shown = {name: HIDDEN if text.startswith("/") else fields[name] for name, text in self._fields.items()}
        self._keep("upload", "POST", str(host), {**shown, "file": f"@{self.sent.title}"}, reply.status, None)
        if not 200 <= reply.status < 300:
            raise ExchangeError(f"{self._title} was refused: {_refusal(reply)}")
        return str(self.client.provider.data["ids"]["upload_url"]).format(key=key)

    async def _policy(self) -> Answer:
        """The permission to upload; raises ExchangeError."""
        query = dict(_query(self.client, self.trail.spec.body))
        try:
            policy = await self.client.permission(query)
        except UnknownAnswer as error:
            raise ExchangeError(f"{self._title} got no permission: contract violation: {error.difference}") from error
        url = self.client.url(self.client.provider.endpoints[POLICY], query=query)
        self._keep(POLICY, "GET", url, None, policy.status, self._unsigned(policy))
        if policy.is_error:
            raise ExchangeError(f"{self._title} was refused: {said(policy)}")
        return policy

    @property
    def _title(self) -> str:
        return f"the upload of {self.sent.title}"

    @property
    def _fields(self) -> Mapping[str, str]:
        fields: Mapping[str, str] = self.client.provider.data["upload"]["form"]["fields"]
        return fields

    def _unsigned(self, policy: Answer) -> Any:
        """The answer with the policy, without what it lets somebody do."""
        secret = {at: HIDDEN for at in self._fields.values() if at.startswith("/")}
        return policy.body if policy.is_error else replaced(policy.body, secret)

    def _must_fit(self, policy: Answer) -> None:
        most, size = str(policy.value("max_mb")), len(self.sent.content) / _MB
        if most.isdecimal() and size > int(most):
            told = f"{self.sent.title} has {size:.1f} MB; the provider takes at most {most} MB in an upload"
            raise MediaError(f"{told}. Make it smaller, or give an http(s) URL that it can be read from.")

    def _form(self, fields: Mapping[str, str], key: str) -> aiohttp.FormData:
        from aiohttp import FormData

        form = FormData(fields)
        kind = f"{self.sent.kind}/{self.sent.subtype}"
        form.add_field("file", BytesIO(self.sent.content), filename=key.rpartition("/")[2], content_type=kind)
        return form

    def _keep(self, name: str, method: str, url: str, body: Any, status: int, answer: Any) -> None:
        """Keep the exchange for the reports."""
        asked = self.client.shown_headers(self.client.provider.endpoints[POLICY], None, {})
        headers = asked if body is None else {"Content-Type": "multipart/form-data"}
        seconds = self.now() - self.trail.began
        self.trail.exchanges.append(Exchange(name, method, url, headers, body, status, answer, seconds))


def _query(client: Client, body: Any) -> Iterator[tuple[str, str]]:
    """What has to be said to get a policy: a member of the request, or the one value that there is."""
    places = client.provider.data["request"]
    for name, rule in client.provider.endpoints[POLICY].data.get("query", {}).items():
        if rule.get("required"):
            yield name, str(pointer.follow(body, places[name]) if name in places else rule["enum"][0])


def _filled(text: str, key: str, policy: Any) -> str:
    """A field of the form: what stands at a pointer of the policy's answer, or the text with the key."""
    return str(pointer.follow(policy, text)) if text.startswith("/") else text.format(key=key)


def _refusal(reply: Reply) -> str:
    """Status, code and message; the rest of the storage's document repeats what the policy signs."""
    words = dict(_NAMED.findall(reply.raw[:10_000].decode("utf-8", "replace")))
    named = ": ".join(words[name] for name in ("Code", "Message") if name in words)
    return f"HTTP {reply.status}{f' {named}' if named else ''}"
