"""Runs several commands in one process, as another user or in another mount namespace; prints how each ended.

python driver.py '[["list"], ["status", "voice"]]'
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from rvc_engine.commands import cli

ended = []
for words in json.loads(sys.argv[1]):
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            code = cli.main(words)
        except SystemExit as exit:
            code = exit.code
    ended.append({"words": words, "code": code, "out": out.getvalue(), "err": err.getvalue()})
print(json.dumps(ended))
