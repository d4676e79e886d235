"""`happyhorse-spec openapi`: print a provider's contract as OpenAPI."""

from __future__ import annotations

import argparse
import json
import sys
from urllib.parse import urlsplit

from happyhorse_spec.failures import FINE


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print what a provider documents as an OpenAPI 3.1 document."
    parser.add_argument("provider", metavar="NAME|FOLDER", help="the provider")
    parser.add_argument("--url", type=_url, help="put this server first, e.g. that of a running mock")
    parser.add_argument("--yaml", action="store_true", help="print YAML, not JSON")


def run(args: argparse.Namespace) -> int:
    """Print the document; what the terminal cannot show is escaped, so that it stays JSON or YAML."""
    from happyhorse_spec.contract import load_provider
    from happyhorse_spec.openapi import describe

    document = describe(load_provider(args.provider), args.url)
    is_unicode = sys.stdout.encoding.lower().startswith("utf")
    print(_yaml(document, is_unicode) if args.yaml else json.dumps(document, indent=2, ensure_ascii=not is_unicode))
    return FINE


def _yaml(document: object, is_unicode: bool) -> str:
    """Without anchors: what stands twice is written twice. Texts of several lines are blocks."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, _: object) -> bool:
            return True

        def represent_text(self, text: str) -> yaml.ScalarNode:
            return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Plain.add_representer(str, Plain.represent_text)
    written: str = yaml.dump(document, Dumper=Plain, sort_keys=False, allow_unicode=is_unicode, width=110)
    return written.rstrip()


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError(f"{text} is no URL; write one such as http://127.0.0.1:8080")
    return text.rstrip("/")
