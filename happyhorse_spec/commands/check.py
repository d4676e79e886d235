"""`happyhorse-spec check`: judge request files by what the provider documents.

Here is what happens to each file, in order; what a rule says is data, how a finding reads is `findings.py`, how it is
printed `output.py`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_spec.check import check_body, media_urls
from happyhorse_spec.contract import Mode
from happyhorse_spec.document import Document, DocumentError, Position, read
from happyhorse_spec.failures import EXPECTED, FINDINGS, FINE, NOT_SEEN, exit_code
from happyhorse_spec.findings import Finding, show
from happyhorse_spec.headers import check_headers
from happyhorse_spec.output import FORMATS, Output
from happyhorse_spec.subjects import Subject, holds_specs, subject_of
from happyhorse_spec.substitution import Values
from happyhorse_spec.variables import variables

if TYPE_CHECKING:
    from happyhorse_spec.spec_reader import Expansion

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
    var = "for ${var.NAME} in a spec; JSON keeps its type"
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help=var)
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    parser.add_argument("--strict", action="store_true", help="advice counts as a finding: exit code 1")
    parser.add_argument("--media", action="store_true", help="also download the http media and judge them")


def run(args: argparse.Namespace) -> int:
    """Judge all files; the exit code is the worst of theirs."""
    values = Values(variables(args.var), os.environ)
    check = _Check(args.provider, values, args.strict, args.media, FORMATS[args.format]())
    return max(check.file(path) for path in args.files)


@dataclass(frozen=True, slots=True)
class _Check:
    """One run of the command."""

    provider: str | None
    values: Values
    is_strict: bool
    fetches: bool
    output: Output

    def file(self, path: str) -> int:
        try:
            documents = read(path)
        except DocumentError as error:
            self.output.failed(error.name, error.message, error.position)
            return exit_code(error)
        several = len(documents) > 1
        if holds_specs(documents):
            from happyhorse_spec.spec_reader import expansions

            found = expansions(documents, self.values, self.provider)
            return max(self.specs(expansion, has_siblings=several) for expansion in found)
        return max(self.document(document, Path(path).parent, has_siblings=several) for document in documents)

    def specs(self, expansion: Expansion, *, has_siblings: bool) -> int:
        """Judge one document with a spec, as the runner reads it."""
        document = expansion.origin.document
        for fault in dict.fromkeys(expansion.faults):
            place = fault.place
            position = None if isinstance(place, str) else Position(place.line, place.column)
            self.output.failed(document.name, fault.message, position)
        if expansion.faults:
            return FINDINGS
        subjects = [Subject(document, spec.body, spec.provider, spec.folder, spec=spec) for spec in expansion.specs]
        return self.judge(document, subjects, document.position() if has_siblings else None) if subjects else FINE

    def document(self, document: Document, folder: Path, *, has_siblings: bool) -> int:
        """Judge one document that is a request."""
        start = document.position() if has_siblings else None
        try:
            subject = subject_of(document, folder, self.provider)
        except EXPECTED as error:
            self.output.failed(document.name, str(error), start)
            return exit_code(error)
        return self.judge(document, [subject], start)

    def judge(self, document: Document, subjects: Sequence[Subject], start: Position | None) -> int:
        """Print what there is to say about the requests of a document."""
        judged = [(subject, *self.subject(subject)) for subject in subjects]
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
    if subject.spec:
        from happyhorse_spec.attachments import spec_findings

        yield from spec_findings(subject.spec, fetched)
        return
    if subject.endpoint and subject.document.curl:
        headers = subject.document.curl.headers
        yield from check_headers(headers, subject.body, subject.endpoint, subject.provider)
    if not subject.has_body:
        return
    body, provider = subject.body, subject.provider
    yield from check_body(body, provider)
    mode = provider.mode_of(body)
    if mode and (fetched or _names_files(body, mode)):
        from happyhorse_spec.attachments import media_findings

        yield from media_findings(body, mode, provider, subject.folder, fetched, must_exist=False)


def _names_files(body: Any, mode: Mode) -> bool:
    """Whether a body names media that may be at hand; what looks at them takes a while to load."""
    return any(not url.lower().startswith(("http://", "https://")) for _, _, url in media_urls(body, mode))


def _is_expected(findings: Sequence[Finding], subject: Subject) -> bool:
    """Whether the request of a spec is rejected, and the spec says so."""
    rejected = subject.spec.expect.rejected if subject.spec else None
    rules = [finding.rule.id for finding in findings if finding.effect == "reject"]
    return rejected is not None and bool(rules) and rejected.get("rule") in (None, *rules)


def _kind(subjects: Sequence[Subject]) -> str:
    """What was judged: `acme, t2v`."""
    first = subjects[0]
    mode = first.provider.mode_of(first.body) if first.has_body else None
    kind = ", ".join([first.provider.name, *(part.name for part in (mode or first.endpoint,) if part)])
    return f"{kind}, {len(subjects)} variants" if len(subjects) > 1 else kind
