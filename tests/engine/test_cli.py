"""The command line as a shell uses it."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", [["--help"], ["advise", "--preset", "starter"], ["run", "--help"]])
def test_a_reader_that_goes_away_gets_no_traceback(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "rvc_engine", *words], stdout=write, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write)
    assert done.stderr == b"" and done.returncode in (0, 1)  # argparse takes no notice of it
