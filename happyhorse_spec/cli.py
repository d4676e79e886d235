"""The command `happyhorse-spec`: which subcommand, and what becomes of its errors.

A subcommand is a module in `commands/` with `configure(parser)` and `run(args) -> exit code`. Only the chosen one is
imported: a check of one file must not wait for a web server to load.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

PROGRAM = "happyhorse-spec"
_FOLDER = Path(__file__).parent / "commands"
COMMANDS = {
    "check": "judge request files by what the provider documents",
    "run": "send request specs to a provider and report",
    "mock": "play the providers on this machine",
    "rules": "list the rules, or explain one",
    "cost": "say what requests will cost",
    "probe": "say what a media file is, and for which roles it will do",
    "convert": "write a request in the dialect of another provider",
    "resume": "go on with a run that was interrupted",
    "openapi": "write a provider's contract as OpenAPI",
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong, and where the options are listed: ten lines of options before it would hide it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code; see `failures.py` for what the codes mean."""
    _never_fail_to_print()
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except (OSError, ExceptionGroup) as error:
        return _unwritten(error)


def _run(argv: list[str]) -> int:
    try:
        name, rest = _chosen(argv)
        command = import_module(f"happyhorse_spec.commands.{name}")
        parser = _Parser(f"{PROGRAM} {name}", allow_abbrev=False)
        command.configure(parser)
        code: int = command.run(parser.parse_args(rest))
        return code
    except SystemExit as stop:  # argparse has printed the help, or what is wrong with the options
        return stop.code if isinstance(stop.code, int) else 0
    except Exception as error:
        from happyhorse_spec.failures import EXPECTED, exit_code

        if not isinstance(error, EXPECTED):
            raise
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return exit_code(error)


def _chosen(argv: list[str]) -> tuple[str, list[str]]:
    """The subcommand and its arguments; exits where there is none."""
    commands = [name for name in COMMANDS if (_FOLDER / f"{name}.py").is_file()]
    if argv and argv[0] in commands:
        return argv[0], argv[1:]
    parser = _parser(commands)
    if argv and not argv[0].startswith("-"):
        import difflib

        near = difflib.get_close_matches(argv[0], commands, n=1)
        parser.error(f"there is no command {argv[0]}" + (f"; did you mean {near[0]}?" if near else ""))
    if not parser.parse_args(argv).version:
        parser.error(f"name a command: {', '.join(commands)}")
    from importlib.metadata import version

    print(f"{PROGRAM} {version(PROGRAM)}")
    raise SystemExit(0)


def _parser(commands: list[str]) -> argparse.ArgumentParser:
    width = max(map(len, commands))
    parser = _Parser(
        PROGRAM,
        usage=f"{PROGRAM} [-h] [--version] COMMAND ...",
        epilog="commands:\n" + "\n".join(f"  {name:{width}}  {COMMANDS[name]}" for name in commands),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser


def _never_fail_to_print() -> None:
    """A terminal that cannot show a character gets its code; who has closed the output gets none."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - it is open until the end
    sys.stderr = sys.stderr or sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unwritten(error: Exception) -> int:  # pragma: no cover - the output that breaks is a process's own
    """The exit code where the output cannot be written; any other error is one of the project itself."""
    cause: BaseException = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if isinstance(cause, BrokenPipeError):
        _forget_output()
        return 141
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
        _forget_output()
        print(f"{PROGRAM}: the output cannot be written: {cause.strerror}", file=sys.stderr)
        return 3
    raise error


def _forget_output() -> None:  # pragma: no cover - as `_unwritten`
    """Let the interpreter flush into nowhere: https://docs.python.org/3/library/signal.html#note-on-sigpipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":  # pragma: no cover - a process of its own
    sys.exit(main())
