"""How an object storage refuses: a code, a sentence and a few elements, as XML.

The results of tasks and the files of a form upload lie in such a storage, which speaks its own language whoever the
provider is. Codes, statuses and sentences are those of the storage's error pages (Object Storage Service, "HTTP status
code 400" to "416" and "PostObject errors"). Who is refused, and when, is for `downloads` and `uploads` to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from aiohttp import web

from mockserver.http import origin
from mockserver.session import Session

#: Code -> HTTP status and what the storage says, where nothing more exact is said.
CODES: Mapping[str, tuple[int, str]] = {
    "AccessDenied": (403, "You have no right to access this object because of bucket acl."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size."),
    "FieldItemTooLong": (400, "A field of your POST request exceeds the maximum allowed size."),
    "FileAlreadyExists": (409, "The object you specified already exists and can not be overwritten."),
    "IncorrectNumberOfFilesInPOSTRequest": (400, "POST requires exactly one file upload per request."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidArgument": (400, "Invalid argument."),
    "InvalidObjectName": (400, "The specified object is not valid."),
    "InvalidRange": (416, "The requested range cannot be satisfied."),
    "MalformedPOSTRequest": (400, "The body of your POST request is not well-formed multipart/form-data."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold."),
    "RequestIsNotMultiPartContent": (400, "Bucket POST must be of the enclosure-type multipart/form-data."),
    "RequestTimeout": (400, "Your socket connection to the server was not read from or written to in time."),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
}

#: What no XML document may hold (XML 1.0, 2.2); it takes 6 ms to compile, and is seldom asked for.
_UNWRITABLE = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


class Denied(Exception):
    """The storage refuses: one of `CODES`, its words where they differ, headers, and elements that tell more."""

    def __init__(self, code: str, message: str = "", headers: Mapping[str, str] | None = None, **more: object) -> None:
        super().__init__(code)
        self.code = code
        self.status, usual = CODES[code]
        self.message = message or usual
        self.headers = headers or {}
        self.more = more


def refuse(request: web.BaseRequest, session: Session, denied: Denied) -> web.Response:
    """The refusal as a response; the order of the elements is that of the storage's example."""
    elements = {
        "Code": denied.code,
        "Message": denied.message,
        "RequestId": session.new_id("{hex24}").upper(),
        "HostId": origin(request).partition("://")[2],
        **denied.more,
    }
    return web.Response(
        status=denied.status,
        headers=denied.headers,
        body=document("Error", elements),
        content_type="application/xml",
    )


def document(name: str, elements: Mapping[str, object]) -> bytes:
    """A flat XML document; characters that XML cannot hold become U+FFFD."""
    root = ElementTree.Element(name)
    for tag, value in elements.items():
        ElementTree.SubElement(root, tag).text = re.sub(_UNWRITABLE, "\ufffd", str(value))
    text: bytes = ElementTree.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text
