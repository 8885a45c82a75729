"""`rvc-tui [NAME]`: the app, or plain lines (--plain)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rvc_engine import __version__
from rvc_engine.common.arguments import Parser
from rvc_engine.common.failures import understood
from rvc_engine.common.streams import prepare_streams, say
from rvc_engine.common.user import complete
from rvc_engine.errors import BadInput
from rvc_engine.messages import NOTHING, verbatim
from rvc_tui.texts import LANGUAGES, chosen_language, is_unicode_terminal, use


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="rvc-tui", description="Train and use RVC voices from a terminal.", allow_abbrev=False)
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        default="",
        help="an experiment; without it the one that runs, else the newest",
    )
    parser.add_argument("--home", metavar="DIR", help="workspace; default $RVC_HOME, else the current folder")
    parser.add_argument("--low-bandwidth", action="store_true", help="repaint seldom: for slow links")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--ascii", action="store_true", help="7-bit characters only")
    parser.add_argument(
        "--theme",
        metavar="NAME",
        default="",
        help="colours: terminal (default), ansi-dark, ansi-light, textual-dark, ...",
    )
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        default="",
        help="of the screens; default by LANGUAGE, LC_ALL, LC_MESSAGES or LANG, else English",
    )
    parser.add_argument(
        "--plain", action="store_true", help="plain lines instead of a screen: for screen readers and logs"
    )
    parser.add_argument(
        "--write-keys", action="store_true", help="write the file of keys, to be changed, and say where it is"
    )
    parser.add_argument("--version", action="version", version=f"rvc-tui {__version__}")
    return parser.parse_args(arguments)


def set_environment(*, low_bandwidth: bool) -> None:
    """Textual reads these when it is imported. What the user has set stays."""
    os.environ.setdefault("TEXTUAL_FPS", "4" if low_bandwidth else "15")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")


def undrawable() -> str:
    """Why nothing can be drawn here; empty when it can. Textual reads standard input and draws on standard error."""
    names = {"standard input": sys.stdin, "standard output": sys.stdout, "standard error": sys.stderr}
    other = next((name for name, stream in names.items() if stream is None or not stream.isatty()), "")
    if other:
        return f"{other} is not a terminal"
    kind = os.environ.get("TERM", "")
    return (
        f"TERM is {kind or 'not set'}: on such a terminal nothing can be drawn"
        if kind in ("", "dumb", "unknown")
        else ""
    )


def theme_of(asked: str) -> str:
    """`asked`, else $TEXTUAL_THEME, which Textual itself shall not see: it does not know ours. Empty: our own choice.
    Raises BadInput."""
    name = os.environ.pop("TEXTUAL_THEME", "")
    name = asked or name
    if name:
        from rvc_tui.colours import THEMES

        if name not in THEMES:
            raise BadInput(verbatim(f"there is no theme {name!r}"), NOTHING, verbatim(f"one of: {', '.join(THEMES)}"))
    return name


def write_keys_file() -> int:
    from rvc_tui.keymap import keys_file, write_keys

    say(write_keys(keys_file()))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    prepare_streams()
    options = parse(arguments)
    try:
        return start(options)
    except BrokenPipeError:  # the reader of our lines went away: nothing more to say, nor at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        known = understood(error, "rvc-tui", sys.argv[1:] if arguments is None else arguments)
        say(f"rvc-tui: {known}", error=True)
        return known.exit_code


def start(options: argparse.Namespace) -> int:
    complete(os.environ)
    if options.write_keys:
        return write_keys_file()
    if not options.plain:
        if why := undrawable():
            say(f"rvc-tui: {why}; --plain follows a run in lines", error=True)
            return 2
        set_environment(low_bandwidth=options.low_bandwidth)
    from rvc_engine.client.engine_client import EngineClient, newest_experiment
    from rvc_engine.workspace import Workspace

    home: Path = Workspace.find(options.home).home
    theme = theme_of(options.theme)
    client = EngineClient(home, options.name or newest_experiment(home), curves=not options.plain)
    if options.plain:
        from rvc_tui.plain import follow_plainly

        return follow_plainly(client)
    from rvc_tui.app import RvcApp
    from rvc_tui.hangup import end_with_terminal
    from rvc_tui.keymap import keys_file, read_keys
    from rvc_tui.reporting import collect_warnings

    ascii_only = options.ascii or not is_unicode_terminal()
    use(chosen_language(options.language, ascii=ascii_only))
    app = RvcApp(client, ascii=ascii_only, slow=options.low_bandwidth, theme=theme, keys=read_keys(keys_file()))
    end_with_terminal(sys.stdin.fileno(), client.interrupt)
    warnings = collect_warnings()
    app.run(mouse=not options.no_mouse)
    say(*app.parting_words())
    for line in warnings:
        say(f"rvc-tui: {line}", error=True)
    if app.failure is not None:
        say(f"rvc-tui: {app.failure}", error=True)
        return app.failure.exit_code
    return app.return_code or 0


if __name__ == "__main__":
    raise SystemExit(main())
