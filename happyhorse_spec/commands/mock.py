"""`happyhorse-spec mock`: serve every provider on one port."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import os
import shlex
import signal
import sys
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from happyhorse_spec.failures import FINDINGS, FINE, Failure, NotSeen
from happyhorse_spec.interpreter import loop_factory, nothing_collected, settle_memory

if TYPE_CHECKING:
    from mockserver.scenario import Scenario
    from mockserver.server import MockServer
    from mockserver.session import Session
    from mockserver.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Play all providers on one port under their documented paths. Any key is accepted."
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="port, 0 for a free one (default: %(default)s)")
    parser.add_argument("--provider", action="append", default=[], metavar="NAME|FOLDER", help="only this provider")
    parser.add_argument("--json", action="store_true", help="print one line of JSON with the URLs, then serve")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=_speed, metavar="X", help="take as long as the provider does, X times faster")
    pace.add_argument("--real-time", action="store_true", help="take as long as the provider does")
    clock = "manual: stands until control moves it; jump: every poll moves it to the next event (default: %(default)s)"
    pace.add_argument("--clock", choices=["real", "manual", "jump"], default="real", help=clock)
    validation = "documented: a bad request is refused at submit; observed: its task fails (default: as the provider's)"
    parser.add_argument("--validation", choices=["documented", "observed"], help=validation)
    parser.add_argument("--limits", action="store_true", help="enforce rates, places and queues")
    parser.add_argument("--fetch-media", action="store_true", help="download http media and judge them")
    parser.add_argument("--profile", metavar="NAME", help="play a variant that the provider's folder describes")
    parser.add_argument("--seed", type=int, default=0, help="where all ids are drawn from (default: %(default)s)")
    parser.add_argument("--start", metavar="DATE", help="the first moment of every session (default: now)")
    parser.add_argument("--scenario", metavar="FILE", help="begin with the sessions that a YAML file describes")
    parser.add_argument("--control-token", metavar="TOKEN", help="what control asks for, on a loopback address too")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input ends, too")
    parser.add_argument("--quiet", action="store_true", help="print no line for each exchange")


def _port(text: str) -> int:
    """A port; beyond 65535 the operating system would count anew from 0."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"it is {text}; it must be 0-65535")
    return int(text)


def _speed(text: str) -> float:
    from mockserver.settings import SettingError, read_settings

    try:
        rate: float = read_settings({"rate": text})["rate"]
    except SettingError as error:
        raise argparse.ArgumentTypeError(f"it{str(error).removeprefix('rate')}") from None
    return rate


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, or until standard input ends where that is asked for.

    Exit code 0; 1 where a scenario was not played to its end; 2 for settings that cannot be; 3 where the port cannot
    be had.
    """
    with nothing_collected():
        server, played = _ready(args)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(server.start())
        except OSError as error:
            raise NotSeen(f"cannot listen on {args.host}:{args.port}: {_why(error)}") from None
        settle_memory()
        runner.run(_serve(server, as_json=args.json, with_stdin=args.exit_with_stdin))
    open_ends = [text for scenario, session in played for text in scenario.open_ends(session)]
    print(*open_ends, sep="\n", end="\n" if open_ends else "", file=sys.stderr)
    return FINDINGS if open_ends else FINE


def _ready(args: argparse.Namespace) -> tuple[MockServer, list[tuple[Scenario, Session]]]:
    from mockserver.faults import FaultError
    from mockserver.settings import SettingError

    try:
        server = _server(args)
        return server, _begin(server, args.scenario) if args.scenario else []
    except (SettingError, FaultError) as error:
        raise Failure(str(error)) from None


def _why(error: OSError) -> str:
    """What the system says of an address; asyncio's own sentence has the address in it again."""
    if error.errno == errno.EADDRINUSE:
        return "something listens there already; choose another with --port, 0 is a free one"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _server(args: argparse.Namespace) -> MockServer:
    from mockserver.exchange_log import line
    from mockserver.server import MockServer

    return MockServer(
        _settings(args),
        providers=args.provider,
        host=args.host,
        port=args.port,
        observe=None if args.quiet else lambda session, exchange: print(line(session, exchange), file=sys.stderr),
        control_token=args.control_token,
    )


def _begin(server: MockServer, path: str) -> list[tuple[Scenario, Session]]:
    """The scenarios of a file, and the sessions that play them."""
    from mockserver.scenario import read_scenarios

    return [(scenario, scenario.begin(server.sessions)) for scenario in read_scenarios(path, server.is_error)]


def _settings(args: argparse.Namespace) -> Settings:
    from mockserver.settings import Settings, read_settings

    same = ("seed", "start", "limits", "validation", "fetch_media", "profile")
    words = {name: getattr(args, name) for name in same}
    time = {"rate": args.speed} if args.speed is not None else {"clock": args.clock}
    pace = "real" if args.real_time or args.speed else "desk"
    return Settings().but(**read_settings({**words, **time, "pace": pace}))


async def _serve(server: MockServer, *, as_json: bool, with_stdin: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    print(json.dumps(_urls(server)) if as_json else _welcome(server), flush=True)
    if with_stdin and sys.stdin:
        Thread(target=_outlast_stdin, args=(loop, stop), daemon=True).start()
    await stop.wait()
    await server.stop()


def _outlast_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when standard input ends: whoever started the mock has gone, even if it was killed.

    Reads the descriptor itself: a thread that is left in `sys.stdin` would keep the interpreter from ending.
    """
    with suppress(OSError, RuntimeError):  # no input at all; a loop that has ended before
        while os.read(sys.stdin.fileno(), 65536):
            pass
        loop.call_soon_threadsafe(stop.set)


def _urls(server: MockServer) -> dict[str, object]:
    control = {"control": f"{server.url}/_happyhorse", "control_token": server.control.token}
    return {"url": server.url, "providers": server.base_urls(), **control}


def _welcome(server: MockServer) -> str:
    """What a person needs first: the URL, for each provider a command to paste, and where control is."""
    from mockserver.control import TOKEN_HEADER

    parts = [f"Serving {', '.join(d.provider.title for d in server.dialects.values())} on {server.url}", ""]
    for name, base in server.base_urls().items():
        parts += [f"# {server.dialects[name].provider.title}; base URL {base}", _curl(server, name), ""]
    token = f"; send {TOKEN_HEADER}: {server.control.token}" if server.control.token else ""
    return "\n".join([*parts, f"# Control: {server.url}/_happyhorse/openapi.json{token}", "", "Stop with Ctrl-C."])


def _curl(server: MockServer, name: str) -> str:
    """A text-to-video request as curl, from the example in the provider's schema."""
    provider = server.dialects[name].provider
    mode = next((mode for mode in provider.modes.values() if not mode.media), next(iter(provider.modes.values())))
    endpoint = provider.endpoints["submit"]
    key = provider.data["key"]
    headers = [f"{key['header']}: {key['scheme']} {key['example']}", "Content-Type: application/json"]
    headers += [f"{header.name}: {header.const}" for header in endpoint.headers if header.when is None]
    body = json.dumps(mode.request.book.schema["examples"][0], ensure_ascii=False)
    words = [
        "curl",
        f"{server.url}{endpoint.path}",
        *(word for header in headers for word in ("-H", header)),
        "-d",
        body,
    ]
    return " ".join(shlex.quote(word) for word in words)
