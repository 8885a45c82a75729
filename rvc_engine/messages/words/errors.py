"""Words of the engine: errors."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # an error in one line
    "whole": "{title}: {cause} ({fix})",
    "with_cause": "{title}: {cause}",
    "with_fix": "{title} ({fix})",
    # a file that is not to blame
    "file_may_be_whole": "the file itself may be intact: check its permissions, its disk and the free memory",
}
