"""`happyhorse-spec cost`: what request specs will cost, by the provider's dated prices. Nothing is sent."""

from __future__ import annotations

import argparse
import os

from happyhorse_spec.failures import FINE


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Say what request specs will cost, each and in all, from prices as they were last seen. A pair is the least "
        "and the most. Nothing is sent, and no key is needed."
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE|FOLDER")
    add("--server", metavar="URL", help="which of the provider's servers; prices differ by region")
    add("--var", action="append", default=[], metavar="NAME=VALUE", help="for ${var.NAME}; JSON keeps its type")


def run(args: argparse.Namespace) -> int:
    """Print an estimate for each spec, then the sums."""
    from happyhorse_spec.report.costs import print_costs
    from happyhorse_spec.spec_reader import read_specs
    from happyhorse_spec.substitution import Values
    from happyhorse_spec.variables import variables

    print_costs(read_specs(args.files, Values(variables(args.var), os.environ)), args.server)
    return FINE
