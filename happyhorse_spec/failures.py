"""What ends a command early, and the exit code that goes with it.

Exit codes: 0 fine; 1 findings, or a text that cannot be read as a request; 2 wrong usage, a provider that is not known
among it; 3 could not look. A shell adds 130 (Ctrl-C) and 141 (nobody reads the output any more).
"""

from __future__ import annotations

from happyhorse_spec.document import DocumentError
from happyhorse_spec.rules import LawError
from happyhorse_spec.substitution import SubstitutionError

FINE, FINDINGS, USAGE, NOT_SEEN = 0, 1, 2, 3


class Failure(Exception):
    """One line that says what is wrong and what to do next."""

    exit_code = USAGE


class BadRequest(Failure):
    """A request that is wrong in a way for which the law has no rule."""

    exit_code = FINDINGS


class NotSeen(Failure):
    """Something could not be looked at, so nothing is known about it."""

    exit_code = NOT_SEEN


#: The errors of the library that people meet, and what they mean to a command.
EXPECTED = (Failure, LawError, DocumentError, SubstitutionError)


def exit_code(error: Exception) -> int:
    """The exit code of an expected error. A file that cannot even be opened is wrong usage."""
    if isinstance(error, Failure):
        return error.exit_code
    is_content = isinstance(error, (DocumentError, SubstitutionError)) and not isinstance(error.__context__, OSError)
    return FINDINGS if is_content else USAGE
