"""`python -m mockserver` is `happyhorse-spec mock`."""

import sys

from happyhorse_spec.cli import main

sys.exit(main(["mock", *sys.argv[1:]]))
