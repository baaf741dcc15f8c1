"""Reads the text of a secret from a file, and says in a sentence why there is none and what to do.

Remembers the text by stat signature, so that a pass with nothing to do reads no secret twice. Not done here: digests,
making secrets.
"""

from __future__ import annotations

import os
import stat
import time

from reconciler.adapters.signature import Signature, settled, signature

MAX_BYTES = 64 * 1024


class MissingError(Exception):
    """There is no usable secret; the message says where and what to do, and never holds the text."""


class SecretFiles:
    """Files that hold one secret each. A link is followed: mounted secrets are links."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Signature, str]] = {}

    def read(self, path: str, mend: str, *, absent: bool = False, comments: bool = False) -> str | None:
        """The text without its last line break, and without lines that begin with # where these are `comments`. A file
        that is not there is None when it may be `absent`; everything else that is wrong raises MissingError."""
        now = time.time_ns()
        try:
            found = os.stat(path)  # noqa: PTH116 - a hot path
        except OSError as error:
            if absent and isinstance(error, FileNotFoundError):
                return None
            raise MissingError(f"{path} can't be read: {error.strerror} ({mend})") from error
        seen = self._seen.get(path)
        if seen is not None and seen[0] == signature(found):
            return seen[1]
        content = _content(path, found, mend)
        text = checked(_uncommented(content) if comments else content, path, mend)
        if settled(found, now):
            self._seen[path] = (signature(found), text)
        return text


def _uncommented(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))


def checked(text: str, where: str, mend: str) -> str:
    """The text without its last line break; refuses what no program could use as a secret."""
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise MissingError(f"{where} is empty ({mend})")
    if any(character in text for character in "\n\r\0"):
        raise MissingError(f"{where} holds more than one line ({mend})")
    if any("\ud800" <= character <= "\udfff" for character in text):
        # So Python shows bytes of the environment that are no UTF-8; in a file they would make all of it unreadable.
        raise MissingError(f"{where} is not UTF-8 text ({mend})")
    return text


def _content(path: str, found: os.stat_result, mend: str) -> str:
    if not stat.S_ISREG(found.st_mode):
        raise MissingError(f"{path} is not a file ({mend})")
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MissingError(f"{path} can't be read: {error.strerror} ({mend})") from error
    if len(data) > MAX_BYTES:
        raise MissingError(f"{path} is over 64 KiB, too large for a secret ({mend})")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MissingError(f"{path} is not UTF-8 text ({mend})") from error
