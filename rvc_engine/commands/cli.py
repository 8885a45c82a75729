"""The `rvc` command: a table of commands. Each command's parser is built only when that command is called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from rvc_engine import __version__
from rvc_engine.common.arguments import Parser, WrongArguments, nearest
from rvc_engine.common.failures import understood
from rvc_engine.common.streams import one_line, prepare_streams, say, say_failure
from rvc_engine.common.user import complete
from rvc_engine.errors import BadInput, RvcError, Stopped
from rvc_engine.machine.malloc import keep_freed_memory
from rvc_engine.messages import Message
from rvc_engine.registry import STAGES

STAGE_MODULE = "pipeline"


@dataclass(frozen=True)
class Command:
    """`module` under rvc_engine.commands has `build(parser, name)` and `execute(options, name) -> exit code`."""

    name: str
    help: str
    module: str


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            "run", "train a voice from a folder of recordings: every stage, what is up to date is skipped", STAGE_MODULE
        ),
        Command("pretrain", "train a base for voices from many speakers, and its content encoder", "pretrain"),
        Command("convert", "convert recordings with a voice", "convert"),
        Command("dataset", "what is in a folder of recordings, and what is wrong with it", "dataset"),
        Command("status", "what an experiment is doing", "watch"),
        Command("attach", "follow a run, also one started elsewhere", "watch"),
        Command("stop", "stop a run; it saves after its next step", "watch"),
        Command("list", "the experiments of this workspace", "watch"),
        Command("voice", "voice files: info, extract, merge, export, import", "voice"),
        Command("queue", "trainings and conversions one after the other, and a command at the end", "queue"),
        Command("assets", "the published weights: list, fetch, check", "assets"),
        Command("doctor", "what this machine can do, and what is missing", "doctor"),
        Command("advise", "which batch size fits and which is recommended", "advise"),
    )
}
"""Without the stages, each of which is a command too."""

EXIT_CODES = "exit codes: 0 done, 1 failed, 2 bad input, 3 another run holds the experiment, 130 stopped"


def commands() -> list[Command]:
    """All, in the order of the help. Loads no other package."""
    first, *others = COMMANDS.values()
    stages = [stage_command(name) for name in STAGES.names() if name not in COMMANDS]
    return [first, *(command for command in stages if command is not None), *others]


def stage_command(name: str) -> Command | None:
    """`rvc NAME` of a stage; None for one of this program that another command runs."""
    if package := STAGES.package_of(name):
        return Command(name, f"a stage of {package}", STAGE_MODULE)
    stage = STAGES.get(name)
    return Command(name, f"{stage.title[:1].lower()}{stage.title[1:]}", STAGE_MODULE) if stage.is_usual else None


def find_command(name: str) -> Command | None:
    if name in COMMANDS:
        return COMMANDS[name]
    return stage_command(name) if name in STAGES else None


def overview() -> str:
    there = commands()
    width = max(len(command.name) for command in there)
    rows = "\n".join(f"  {c.name:{width}}  {c.help}" for c in there)
    return (
        "usage: rvc COMMAND ... [--home DIR]\n\nTrain RVC voices and convert recordings with them.\n\ncommands:\n"
        f"{rows}\n\nrvc COMMAND --help shows every setting with its default, bounds and unit. rvc-tui is the app.\n"
        "The workspace (logs/, weights/, pretrained/) is --home, else $RVC_HOME, else the current "
        f"folder.\n{EXIT_CODES}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    prepare_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            return run_words(list(words))
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output went away: nothing more to say, also while the process ends
        _say_no_more()
        return 1
    except Exception as error:  # of the output itself, such as a full disk, or before a command was found
        try:
            if sys.stdout:
                sys.stdout.flush()
        except OSError:
            _say_no_more()
        return end_with(error, "rvc", words)


def entry() -> NoReturn:
    """`main` as a process, which ends at once: taking torch apart, which some commands have asked what it can use,
    would take Python half a second."""
    code = main()
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    os._exit(code)


def _say_no_more() -> None:
    """What is still to be written to standard output goes nowhere, also while the process ends."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_words(words: list[str]) -> int:
    home = None
    while words and (words[0] == "--home" or words[0].startswith("--home=")):
        flag = words.pop(0)
        home = flag.partition("=")[2] if "=" in flag else (words.pop(0) if words else None)
    if not words or words[0] in ("-h", "--help", "help"):
        say(*overview().split("\n"))
        return 0 if words else 2
    if words[0] in ("--version", "-V"):
        say(f"rvc-tui {__version__}")
        return 0
    name = words.pop(0)
    command = find_command(name)
    if command is None:
        return end_with(no_command(name), "rvc", words)
    return run_command(command, words, home)


def no_command(name: str) -> BadInput:
    known = [command.name for command in commands()]
    similar = nearest(name, known)
    code = "common.action_similar" if similar else "common.action_unknown"
    return BadInput(code, name=name, program="rvc", choices=known, similar=similar)


def run_command(command: Command, words: list[str], home: str | None) -> int:
    keep_freed_memory()
    complete(os.environ)
    module = importlib.import_module(f"rvc_engine.commands.{command.module}")
    parser = Parser(prog=f"rvc {command.name}", description=command.help, allow_abbrev=False, epilog=EXIT_CODES)
    module.build(parser, command.name)
    parser.add_argument(
        "--home", default=home, metavar="DIR", help="workspace; default $RVC_HOME, else the current folder"
    )
    try:
        options = parser.parse_args(words)
    except WrongArguments as wrong:
        _fail(wrong.error, words)
        raise
    try:
        code: int = module.execute(options, command.name)
        return code
    except BrokenPipeError:
        raise
    except Exception as error:
        return end_with(error, f"rvc {command.name}", words)
    except KeyboardInterrupt:
        say(f"rvc {command.name}: stopped", error=True)
        _fail(Stopped(Message("client.stopped")), words)
        return 130


def end_with(error: Exception, program: str, words: Sequence[str]) -> int:
    """Print the last line: the error's own, the system's, or where the report is. Returns the exit code."""
    known = understood(error, program, words)
    with suppress(OSError, ValueError):
        say(f"{program}: {one_line(known)}", error=True)
    _fail(known, words)
    return known.exit_code


def _fail(error: RvcError, words: Sequence[str]) -> None:
    """The same as a line, for those who read lines."""
    try:
        say_failure(error, as_json_too="--json" in words)
    except (OSError, ValueError):
        _say_no_more()


if __name__ == "__main__":
    raise SystemExit(main())
