"""The command line as a shell uses it."""

import os
import subprocess
import sys

import pytest

from rvc_engine.commands.cli import main


@pytest.mark.parametrize("words", [["--help"], ["advise", "--preset", "starter"], ["run", "--help"]])
def test_a_reader_that_goes_away_gets_no_traceback(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "rvc_engine", *words], stdout=write, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write)
    assert done.stderr == b"" and done.returncode in (0, 1)  # argparse takes no notice of it


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("run", "rvc run: Missing: NAME (write rvc run NAME; rvc run --help lists all arguments)"),
        (
            "convert voice",
            "rvc convert: Missing: INPUT, --output (write rvc convert VOICE INPUT... --output PATH; rvc convert --help "
            "lists all arguments)",
        ),
        ("run x --bogus 3", "rvc run: There is no option --bogus (rvc run --help lists all options)"),
        (
            "queue add x --batchsize=3",
            "rvc queue add: There is no option --batchsize (did you mean --batch-size? rvc queue add --help lists all "
            "options)",
        ),
        (
            "run x my voice",
            "rvc run: Unexpected argument 'my' (put a name or path with spaces in quotes; rvc run --help lists the "
            "arguments)",
        ),
        ("run x --epochs", "rvc run: --epochs needs a value (write --epochs N|auto; rvc run --help explains it)"),
        ("run x --fresh=3", "rvc run: --fresh takes no value (write --fresh alone)"),
        (
            "convert v a --output b --queue --detach",
            "rvc convert: --detach and --queue cannot be combined (give one of them)",
        ),
        (
            "advise --precision x",
            "rvc advise: --precision = 'x' is not allowed: it should be one of auto, fp32, fp16, bf16 (rvc advise "
            "--help explains it)",
        ),
        (
            "queue move one 2",
            "rvc queue move: N = 'one' is not allowed: it should be an integer (rvc queue move --help explains it)",
        ),
        (
            "dataset x --workers 999",
            "rvc dataset: --workers: a number from 0 to 256 is expected (rvc dataset --help explains it)",
        ),
        (
            "voice bogus",
            "rvc voice: There is no command rvc voice bogus: there are list, info, extract, merge, export, import (rvc "
            "voice --help explains them)",
        ),
        ("convrt", "rvc: There is no command rvc convrt (did you mean rvc convert? rvc --help lists all commands)"),
    ],
)
def test_wrong_arguments_are_one_line_with_the_fix(words: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(words.split())
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    assert (said.err, said.out, code) == (f"{line}\n", "", 2)
