"""`happyhorse-spec check`: judge request files by what the provider documents.

Here is what happens to each file, in order; what a rule says is data, how a finding reads is `findings.py`, how it is
printed `output.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_spec.check import check_body, media_urls, position_of
from happyhorse_spec.document import Document, DocumentError, Position, read
from happyhorse_spec.failures import EXPECTED, FINDINGS, FINE, NOT_SEEN, exit_code
from happyhorse_spec.findings import Finding, show
from happyhorse_spec.headers import check_headers
from happyhorse_spec.output import FORMATS, Output
from happyhorse_spec.subjects import Subject, subject_of

if TYPE_CHECKING:
    from happyhorse_spec.contract import Mode

Facts = Mapping[str, Any]

#: Findings on one request. More than a few are one mistake, made many times.
_SHOWN = 100


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Judge request bodies (JSON, YAML), request specs and curl commands. Exit codes: 0 fine, 1 findings, 2 wrong "
        "usage or a provider that cannot be told, 3 media that could not be fetched."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("--provider", metavar="NAME|FOLDER", help="whom the requests are for, where it is not clear")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    parser.add_argument("--strict", action="store_true", help="advice counts as a finding: exit code 1")
    parser.add_argument("--media", action="store_true", help="also download the http media and judge them")


def run(args: argparse.Namespace) -> int:
    """Judge all files; the exit code is the worst of theirs."""
    output = FORMATS[args.format]()
    return max(_check_file(path, args, output) for path in args.files)


def _check_file(path: str, args: argparse.Namespace, output: Output) -> int:
    try:
        documents = read(path)
    except DocumentError as error:
        output.failed(error.name, error.message, error.position)
        return exit_code(error)
    folder = Path(path).parent
    return max(_check_document(document, folder, args, output, len(documents) > 1) for document in documents)


def _check_document(
    document: Document, folder: Path, args: argparse.Namespace, output: Output, is_one_of_many: bool
) -> int:
    position = document.position() if is_one_of_many else None
    try:
        subject = subject_of(document, folder, args.provider)
        fetched, code = _fetched(subject, output) if args.media else ({}, FINE)
        findings = list(_findings(subject, fetched))
    except EXPECTED as error:
        output.failed(document.name, str(error), position)
        return exit_code(error)
    _print(findings, subject, output)
    if not findings:
        output.passed(f"{document.name}:{position.line}" if position else document.name, _kind(subject))
    is_bad = any(args.strict or finding.effect == "reject" for finding in findings)
    return max(code, FINDINGS if is_bad else FINE)


def _print(findings: list[Finding], subject: Subject, output: Output) -> None:
    document = subject.document
    shown = [(finding, position_of(finding, document, subject.base)) for finding in findings[:_SHOWN]]
    for finding, position in sorted(shown, key=_rank):
        output.found(document.name, finding, position)
    if len(findings) > _SHOWN:
        more = f"{len(findings) - _SHOWN} more findings are not shown; mend these first"
        output.failed(document.name, more, None)


def _rank(found: tuple[Finding, Position]) -> tuple[bool, int, int]:
    """What is rejected first, then as it stands in the file."""
    finding, position = found
    return finding.effect != "reject", position.line, position.column


def _findings(subject: Subject, fetched: Mapping[str, Facts]) -> Iterator[Finding]:
    """What there is to say about a request: headers, body, media files."""
    if subject.endpoint and subject.document.curl:
        headers = subject.document.curl.headers
        yield from check_headers(headers, subject.body, subject.endpoint, subject.provider)
    if not subject.has_body:
        return
    findings = check_body(subject.body, subject.provider)
    mode = subject.provider.mode_of(subject.body)
    if mode is None or not any(media_urls(subject.body, mode)):
        yield from findings
        return
    yield from _with_media(findings, subject, mode, fetched)


def _with_media(
    findings: list[Finding], subject: Subject, mode: Mode, fetched: Mapping[str, Facts]
) -> Iterator[Finding]:
    from happyhorse_spec.attachments import media_findings, without_local_urls

    yield from without_local_urls(findings, subject, mode) if subject.is_spec else findings
    yield from media_findings(subject, mode, fetched)


def _fetched(subject: Subject, output: Output) -> tuple[dict[str, Facts], int]:
    """The facts of the http media of a request, and the exit code: not all of them may be there to look at."""
    from happyhorse_spec.fetch import fetch_facts

    mode = subject.provider.mode_of(subject.body)
    named = [(where, url) for _, where, url in media_urls(subject.body, mode)] if mode else []
    facts = fetch_facts(url for _, url in named if url.lower().startswith(("http://", "https://")))
    missing = [(where, url) for where, url in named if isinstance(facts.get(url), str)]
    for where, url in missing:
        position = subject.document.position(subject.base + where)
        output.failed(subject.document.name, f"{show(url)} could not be fetched: {facts[url]}", position)
    found = {url: known for url, known in facts.items() if not isinstance(known, str)}
    return found, NOT_SEEN if missing else FINE


def _kind(subject: Subject) -> str:
    mode = subject.provider.mode_of(subject.body) if subject.has_body else None
    endpoint = subject.endpoint.name if subject.endpoint else ""
    return f"{subject.provider.name}, {mode.name if mode else endpoint}"
