"""`happyhorse-spec check`: judge request files by what the provider documents.

Here is what happens to each file, in order; what a rule says is data, how a finding reads is `findings.py`, how it is
printed `output.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.check import check_body, media_urls
from happyhorse_spec.contract import Mode
from happyhorse_spec.document import Document, DocumentError, Position, read
from happyhorse_spec.failures import EXPECTED, FINDINGS, FINE, NOT_SEEN, exit_code
from happyhorse_spec.findings import Finding, show
from happyhorse_spec.headers import check_headers
from happyhorse_spec.output import FORMATS, Output
from happyhorse_spec.subjects import Subject, is_defaults, subjects_of
from happyhorse_spec.substitution import SubstitutionError

Facts = Mapping[str, Any]

#: Findings on one document. More than a few are one mistake, made many times.
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
    check = _Check(args.provider, args.strict, args.media, FORMATS[args.format]())
    return max(check.file(path) for path in args.files)


@dataclass(frozen=True, slots=True)
class _Check:
    """One run of the command."""

    provider: str | None
    is_strict: bool
    fetches: bool
    output: Output

    def file(self, path: str) -> int:
        try:
            documents = read(path)
        except DocumentError as error:
            self.output.failed(error.name, error.message, error.position)
            return exit_code(error)
        defaults = documents[0] if is_defaults(documents[0]) else None
        asked = documents[1:] if defaults else documents
        folder = Path(path).parent
        return max((self.document(document, defaults, folder, len(asked) > 1) for document in asked), default=FINE)

    def document(self, document: Document, defaults: Document | None, folder: Path, has_siblings: bool) -> int:
        start = document.position() if has_siblings else None
        try:
            subjects = list(subjects_of(document, defaults, folder, self.provider))
            judged = [(subject, *self.subject(subject)) for subject in subjects]
        except EXPECTED as error:
            position = document.position(error.pointer) if isinstance(error, SubstitutionError) else start
            self.output.failed(document.name, str(error), position)
            return exit_code(error)
        findings = [(subject, finding) for subject, found, _ in judged for finding in found]
        self.print(findings)
        if not findings:
            self.output.passed(document.name, start, _kind(subjects))
        is_bad = any(self.is_strict or finding.effect == "reject" for _, finding in findings)
        return max(FINDINGS if is_bad else FINE, *(code for _, _, code in judged))

    def subject(self, subject: Subject) -> tuple[list[Finding], int]:
        """The findings on a request, and the exit code of looking at its media."""
        fetched, code = self.fetched(subject) if self.fetches and subject.has_body else ({}, FINE)
        findings = list(_findings(subject, fetched))
        return ([] if _is_expected(findings, subject) else findings), code

    def fetched(self, subject: Subject) -> tuple[dict[str, Facts], int]:
        """The facts of the http media, and the exit code: not all of them may be there to look at."""
        from happyhorse_spec.fetch import fetch_facts

        mode = subject.provider.mode_of(subject.body)
        named = [(where, url) for _, where, url in media_urls(subject.body, mode)] if mode else []
        facts = fetch_facts(url for _, url in named if url.lower().startswith(("http://", "https://")))
        missing = [(where, url) for where, url in named if isinstance(facts.get(url), str)]
        for where, url in missing:
            message = f"{show(url)} could not be fetched: {facts[url]}"
            self.output.failed(subject.document.name, message, subject.position(where))
        found = {url: known for url, known in facts.items() if not isinstance(known, str)}
        return found, NOT_SEEN if missing else FINE

    def print(self, findings: Sequence[tuple[Subject, Finding]]) -> None:
        """Print findings; what variants of one spec share is printed once."""
        told = {(found.rule.id, found.pointer, found.message): (subject, found) for subject, found in findings}
        shown = [(finding, *subject.spot(finding)) for subject, finding in islice(told.values(), _SHOWN)]
        for finding, name, position in sorted(shown, key=_rank):
            self.output.found(name, finding, position)
        if len(told) > _SHOWN:
            more = f"{len(told) - _SHOWN} more findings are not shown; mend these first"
            self.output.failed(shown[0][1], more, None)


def _rank(shown: tuple[Finding, str, Position]) -> tuple[bool, int, int]:
    """What is rejected first, then as it stands in the file."""
    finding, _, position = shown
    return finding.effect != "reject", position.line, position.column


def _findings(subject: Subject, fetched: Mapping[str, Facts]) -> Iterator[Finding]:
    """What there is to say about a request: headers, body, media files."""
    if subject.endpoint and subject.document.curl:
        headers = subject.document.curl.headers
        yield from check_headers(headers, subject.body, subject.endpoint, subject.provider)
    if not subject.has_body:
        return
    body, provider, folder = subject.body, subject.provider, subject.folder
    mode = provider.mode_of(body)
    if mode is None or not (fetched or _names_files(body, mode)):
        yield from check_body(body, provider)
        return
    from happyhorse_spec.attachments import media_findings, spec_findings

    if subject.spec:
        yield from spec_findings(body, provider, folder, fetched)
    else:
        yield from check_body(body, provider)
        yield from media_findings(body, mode, provider, folder, fetched, must_exist=False)


def _names_files(body: Any, mode: Mode) -> bool:
    """Whether a body names media that may be at hand; what looks at them takes a while to load."""
    return any(not url.lower().startswith(("http://", "https://")) for _, _, url in media_urls(body, mode))


def _is_expected(findings: Sequence[Finding], subject: Subject) -> bool:
    """Whether the request of a spec is rejected, and the spec says so."""
    rejected = pointer.follow(subject.spec, "/expect/rejected")
    rules = [finding.rule.id for finding in findings if finding.effect == "reject"]
    named = rejected.get("rule") if isinstance(rejected, Mapping) else None
    return rejected is not None and bool(rules) and named in (None, *rules)


def _kind(subjects: Sequence[Subject]) -> str:
    """What was judged: `acme, t2v`."""
    first = subjects[0]
    mode = first.provider.mode_of(first.body) if first.has_body else None
    kind = ", ".join([first.provider.name, *(part.name for part in (mode or first.endpoint,) if part)])
    return f"{kind}, {len(subjects)} variants" if len(subjects) > 1 else kind
