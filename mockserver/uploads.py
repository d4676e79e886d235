"""Temporary files: the policy for a form upload, the upload itself, and the URL that a request names it by.

The policy is signed and carries its own end and limits, so that nothing is kept until a file arrives. Of a file that
has arrived only the facts are kept: the mock judges files and never hands them out again. While it is read, a file lies
in memory or, above `SPOOL_BYTES`, in a temporary file without a name; the name that a client gives it names no path.
What is refused is refused in the storage's own words (see `storage`).
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from hashlib import md5
from hmac import compare_digest, digest
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import aiohttp
import orjson
from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from happyhorse_spec.media import Facts, MediaError, probe_stream
from mockserver.answers import TIME_FORMATS
from mockserver.http import send_continue
from mockserver.storage import Denied, document, refuse

if TYPE_CHECKING:
    from mockserver.call import Call, Reply
    from mockserver.session import Session

#: Where forms are posted to, behind the session's prefix.
PATH = "/upload"

#: Files whose facts a session keeps; the oldest gives way.
KEPT_FILES = 1_000
#: What a form may hold besides its file.
FIELDS, FIELD_BYTES = 32, 64 * 1024
#: How much of a file stays in memory while it is read, in bytes.
SPOOL_BYTES = 1024 * 1024
#: How long a client may take to send a form.
FORM_SECONDS = 300.0

_SIGNED = ("OSSAccessKeyId", "policy", "Signature")
_STATUSES = {"200": 200, "201": 201}


class Upload(NamedTuple):
    """What is known of a file that was uploaded (None: it cannot be read), and when that was."""

    facts: Facts | None
    stored: float


async def grant(call: Call) -> Reply:
    """The operation `upload_policy`: what a client needs to post a file, with the provider's limits."""
    session, limits = call.session, call.dialect.data["upload"]
    directory = _directory(call)
    rules = {
        "expiration": TIME_FORMATS["iso"](call.now + limits["policy_seconds"]["value"]),
        "conditions": [
            ["content-length-range", 0, limits["max_mb"]["value"] * 1024 * 1024],
            ["starts-with", "$key", f"{directory}/"],
        ],
    }
    policy = b64encode(orjson.dumps(rules)).decode()
    key_id = session.derived_id(call.dialect.ids["access_key_id"], "upload")
    scene = call.scene(
        policy=policy,
        signature=_signature(session, key_id, policy),
        access_key_id=key_id,
        upload_dir=directory,
        upload_host=f"{call.origin}{session.prefix}{PATH}",
        policy_seconds=limits["policy_seconds"]["value"],
        max_mb=limits["max_mb"]["value"],
    )
    return call.answer("upload_policy", scene)


async def receive(request: web.BaseRequest, session: Session) -> web.StreamResponse:
    """A form that is posted to `PATH`."""
    try:
        if request.method != "POST":
            raise Denied("MethodNotAllowed", headers={hdrs.ALLOW: "POST"}, Method=request.method)
        if request.content_type != "multipart/form-data":
            raise Denied("RequestIsNotMultiPartContent")
        await send_continue(request)
        async with asyncio.timeout(FORM_SECONDS):
            return await _receive(request, session)
    except Denied as denied:
        return refuse(request, session, denied)
    except TimeoutError:
        return refuse(request, session, Denied("RequestTimeout"))
    except (ValueError, ConnectionError, HttpProcessingError, aiohttp.ClientPayloadError, web.RequestPayloadError):
        return refuse(request, session, Denied("MalformedPOSTRequest"))


def find_upload(call: Call, url: str) -> Upload | None:
    """The file that an upload's URL names; None where the session has none, or none any more."""
    upload = call.session.uploads.get(url.removeprefix(call.dialect.upload_start))
    keeps = call.dialect.data["retention"]["upload_seconds"]["value"]
    return upload if upload and call.now <= upload.stored + keeps else None


async def _receive(request: web.BaseRequest, session: Session) -> web.Response:
    fields: dict[str, str] = {}
    file = await _read_fields(await request.multipart(), fields)
    most = _admit(session, fields)
    if file is None:
        raise Denied("IncorrectNumberOfFilesInPOSTRequest")
    facts, tag = await _read_file(file, most)
    key = fields["key"]
    if fields.get("x-oss-forbid-overwrite") == "true" and key in session.uploads:
        raise Denied("FileAlreadyExists", Key=key)
    session.uploads[key] = Upload(facts, session.clock.now())
    if len(session.uploads) > KEPT_FILES:
        del session.uploads[next(iter(session.uploads))]
    return _thanks(request, fields, tag)


async def _read_fields(form: MultipartReader, fields: dict[str, str]) -> BodyPartReader | None:
    """Fill in the fields up to the file; the file's part, None where the form has none. What follows is not read."""
    while (part := await form.next()) is not None:
        if not isinstance(part, BodyPartReader) or not part.name or len(fields) > FIELDS:
            raise Denied("MalformedPOSTRequest")
        if part.name == "file":
            return part
        value = bytearray()
        async for chunk in _chunks(part):
            value += chunk
            if len(value) > FIELD_BYTES:
                raise Denied("FieldItemTooLong", MaxSizeAllowed=FIELD_BYTES)
        fields[part.name] = value.decode()
    return None


def _admit(session: Session, fields: Mapping[str, str]) -> int:
    """How large the file may be, in bytes; raises Denied where the form is none that a policy allows."""
    missing = [name for name in ("key", *_SIGNED) if name not in fields]
    if missing == list(_SIGNED):
        raise Denied("AccessDenied")
    if missing:
        told = f"The bucket POST must contain the specified '{missing[0]}'."
        advice = "If it is specified, please check the order of the fields."
        raise Denied("InvalidArgument", f"{told} {advice}", ArgumentName=missing[0])
    key_id, policy, signature = (fields[name] for name in _SIGNED)
    if not compare_digest(signature.encode(), _signature(session, key_id, policy).encode()):
        raise Denied("SignatureDoesNotMatch", OSSAccessKeyId=key_id, SignatureProvided=signature, StringToSign=policy)
    return _largest(orjson.loads(b64decode(policy)), fields["key"], session.clock.now())


def _largest(rules: Mapping[str, Any], key: str, now: float) -> int:
    """The size that a policy allows; raises Denied where it is over or the key lies elsewhere."""
    if now >= datetime.fromisoformat(rules["expiration"]).timestamp():
        raise Denied("AccessDenied", "Invalid according to Policy: Policy expired.")
    (_, _, most), place = rules["conditions"]
    if not key.startswith(place[2]):
        failed = orjson.dumps(place).decode().replace(",", ", ")
        raise Denied("AccessDenied", f"Invalid according to Policy: Policy Condition failed: {failed}")
    if len(key.encode()) > 1023:
        raise Denied("InvalidObjectName", "The Length of Object name must be less than 1024.")
    return int(most)


async def _read_file(part: BodyPartReader, most: int) -> tuple[Facts | None, str]:
    """The facts of the file and its tag; raises Denied where it is larger than `most` bytes."""
    size, tag = 0, md5(usedforsecurity=False)
    with SpooledTemporaryFile(SPOOL_BYTES) as file:
        async for chunk in _chunks(part):
            size += len(chunk)
            if size > most:
                raise Denied("EntityTooLarge", MaxSizeAllowed=most)
            tag.update(chunk)
            file.write(chunk)
        file.seek(0)
        return await asyncio.to_thread(_facts, file, size), tag.hexdigest().upper()


def _facts(file: SpooledTemporaryFile[bytes], size: int) -> Facts | None:
    try:
        return probe_stream(cast("BinaryIO", file), size)
    except MediaError:
        return None


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while not part.at_eof():
        yield await part.read_chunk(64 * 1024)


def _thanks(request: web.BaseRequest, fields: Mapping[str, str], tag: str) -> web.Response:
    """Nothing, with the status that the form asks for (204 if it asks for none); 201 comes with a document."""
    status = _STATUSES.get(fields.get("success_action_status", ""), 204)
    headers = {hdrs.ETAG: f'"{tag}"'}
    if status != 201:
        return web.Response(status=status, headers=headers)
    names = {"Bucket": request.host, "Location": f"{request.url}/{fields['key']}", "Key": fields["key"], "ETag": tag}
    body = document("PostResponse", names)
    return web.Response(status=status, headers=headers, body=body, content_type="application/xml")


def _directory(call: Call) -> str:
    """A fresh folder for the files of one policy; its first part is always the same for a session."""
    account = call.session.derived_id("{hex32}", "account")
    date = datetime.fromtimestamp(call.now, UTC).date().isoformat()
    form = call.dialect.ids["upload_dir"].replace("{hex32}", account).replace("{date}", date)
    return call.session.new_id(form)


def _signature(session: Session, key_id: str, policy: str) -> str:
    """What the storage computes: Base64 of the HMAC-SHA1 of the policy under the secret of the key."""
    secret = session.derived_id("{hex30}", f"secret of {key_id}")
    return b64encode(digest(secret.encode(), policy.encode(), "sha1")).decode()
