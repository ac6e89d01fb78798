"""Files with people in them, which nobody but their owner may read, whatever the umask says."""

import os
import stat
from pathlib import Path
from typing import TextIO

MODE = 0o600


def open_private(file: Path, *, append: bool = False) -> TextIO:
    """Open a text file (UTF-8) to be written anew, or on; it is its owner's alone from then on.

    What is no regular file (a pipe, a terminal, `/dev/null`) is written to and left as it is.
    Raises `OSError` as `open` does.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    descriptor = os.open(file, flags, MODE)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, MODE)  # one that was there may have been open to others
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "a" if append else "w", encoding="utf-8", newline="")
