"""What the engine has to say, as data: a code, parameters, and words for them that a front end may replace.

`Message("files.no_weights", path=path)` is a str: its English words, as the command line shows them. `code` and
`params` go with it, so that an app can show the same in another language, with its keys in place of commands. The words
of a code are in words/, one file for each part of the engine. Between processes and in files a message is its text; the
code and the parameters are in the field `messages` of the same record (wire.py).

In a template, {name} is a parameter; {do.resume} an action (actions.py): a command here, a key in an app;
{set.train.batch_size} a setting: its flag here, its name in an app.
"""

from rvc_engine.messages.message import NOTHING, Message, joined, message_of, verbatim
from rvc_engine.messages.words import templates

__all__ = ["NOTHING", "Message", "joined", "message_of", "templates", "verbatim"]
