"""Whether one of the allowed keys signed a commit with gpg: Git asks gpg, in a home of its own with these keys alone.

gpg answers in status lines (doc/DETAILS of GnuPG), which say why. An expired key vouches for nothing new; for a commit
that was accepted while the key was valid it still does, as with ssh. A revoked key vouches for nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from reconciler.adapters.git_signed import Question, last_words, private_folder
from reconciler.errors import Retryable, Terminal

_SECONDS = 60.0
_CONF = "trust-model always\nno-auto-key-retrieve\nno-auto-key-import\nbatch\nno-tty\n"
"""Whoever is in the file is allowed; no web of trust decides."""
_VERDICTS = frozenset({"GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"})
"""gpg gives exactly one of them for a signature."""
_EXPIRED = frozenset({"EXPSIG", "EXPKEYSIG"})


def gpg_fault(program: str, question: Question) -> str:
    """What is wrong with the signature; "" when nothing is. Raises Retryable when gpg can't be run, and Terminal when
    it can't read the keys."""
    with _home(program, question) as home:
        programs = {"gpg.program": program, "gpg.openpgp.program": program}
        answer = question.verify(programs, {"GNUPGHOME": home})
    lines = [line.split()[1:] for line in answer.err.splitlines() if line.startswith("[GNUPG:] ")]
    status = {line[0]: line[1:] for line in lines if line}
    verdicts = [line[0] for line in lines if line and line[0] in _VERDICTS]
    if len(verdicts) == 1 and "VALIDSIG" in status:
        if verdicts[0] == "GOODSIG" and answer.code == 0:
            return ""
        if verdicts[0] in _EXPIRED and not question.new:
            return ""
    return question.refused(_words(verdicts, status) or last_words(answer.err))


def _words(verdicts: list[str], status: Mapping[str, list[str]]) -> str:
    """Why, in words; "" when gpg has not said."""
    if len(verdicts) != 1:
        return "it carries several signatures" if verdicts else ""
    key = next(iter(status[verdicts[0]]), "") or "of no name"
    match verdicts[0]:
        case "BADSIG":
            return f"the commit is not what key {key} has signed: it was changed afterwards"
        case "EXPKEYSIG":
            return f"key {key} has expired{_since(status.get('KEYEXPIRED', []))}"
        case "REVKEYSIG":
            return f"key {key} is revoked"
        case "EXPSIG":
            return f"the signature of key {key} has expired"
        case "ERRSIG" if "NO_PUBKEY" in status:
            return f"key {key} is not in it"
        case "ERRSIG":
            return f"gpg can't check signatures of the kind that key {key} makes"
        case _:
            return ""


def _since(expired: list[str]) -> str:
    """` on 2024-01-01` of the seconds in gpg's line; they may be an ISO 8601 time as well, which is left out."""
    seconds = expired[0] if expired else ""
    return f" on {datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d}" if seconds.isdecimal() else ""


@contextmanager
def _home(program: str, question: Question) -> Iterator[str]:
    """A home of gpg with the allowed keys and nothing else, at the moment of the question."""
    with private_folder() as home:
        (home / "gpg.conf").write_text(f"{_CONF}faked-system-time {int(question.now)}\n")
        argv = [program, "--homedir", str(home), "--no-autostart", "--quiet", "--import"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        try:
            done = subprocess.run(
                argv, input=question.keys, env=environment, capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Retryable(f"gpg could not read the keys: {error}", where=str(question.allowed)) from error
        if done.returncode != 0:
            words = last_words(done.stderr.decode("utf-8", "replace"))
            mend = "write it with `gpg --export --armor KEY...`"
            raise Terminal(f"gpg can't read the keys: {words}", where=str(question.allowed), mend=mend)
        yield str(home)
