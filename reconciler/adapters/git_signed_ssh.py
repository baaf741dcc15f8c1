"""Whether an allowed signer signed a commit with ssh: Git and ssh-keygen answer.

Git passes the committer's date as the moment at which a key must be valid, and whoever signs chooses that date. So of a
new commit ssh-keygen is asked a second time, at the present moment. It reads nothing of a user's configuration.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.git_signed import Question, last_words, private_folder, safe
from reconciler.errors import Retryable

NAMESPACE = "git"
_SECONDS = 60.0


def ssh_fault(program: str, question: Question) -> str:
    """What is wrong with the signature; "" when nothing is. Raises Retryable when ssh-keygen can't be run."""
    with private_folder() as folder:
        keys = folder / "allowed_signers"  # as they were read: the file itself may change while we ask
        keys.write_bytes(question.keys)
        ours = {"gpg.ssh.program": program, "gpg.ssh.allowedSignersFile": str(keys), "gpg.minTrustLevel": "fully"}
        answer = question.verify(ours, {"GNUPGHOME": os.devnull})
        if answer.code != 0:
            return question.refused(_words(answer.err, keys, question))
        if not question.new:
            return ""
        signature = folder / "signature"
        signature.write_bytes(question.signed.signatures[0])
        err = _now(Keygen(program, keys, signature, question.now), question.signed.payload)
        words = _words(err, keys, question)
    return f"its signature is not valid now, whatever date the commit bears ({words})" if err else ""


@dataclass(frozen=True, slots=True)
class Keygen:
    """ssh-keygen with the allowed `keys` and a `signature` in files, at the moment `now` (seconds since the epoch)."""

    program: str
    keys: Path
    signature: Path
    now: float

    def run(self, verb: str, *args: str, feed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        moment = time.strftime("%Y%m%d%H%M%S", time.localtime(self.now))  # local time, as in the file of signers
        files = ("-f", str(self.keys), "-s", str(self.signature))
        argv = [self.program, "-Y", verb, *files, *args, f"-Overify-time={moment}"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        environment |= {"TZ": os.environ["TZ"]} if "TZ" in os.environ else {}
        try:
            return subprocess.run(argv, input=feed, env=environment, capture_output=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Retryable(f"ssh-keygen could not check a signature: {error}", where=self.program) from error


def _now(keygen: Keygen, payload: bytes) -> str:
    """What ssh-keygen says against the signature; "" when it holds for one of the principals of the key."""
    found = keygen.run("find-principals")
    refused = [found.stderr]
    for principal in found.stdout.decode("utf-8", "surrogateescape").splitlines() if found.returncode == 0 else ():
        answer = keygen.run("verify", "-n", NAMESPACE, "-I", principal, feed=payload)
        if answer.returncode == 0:
            return ""
        refused.append(answer.stderr)
    return _said(refused) or "no principal matched"


def _said(parts: Sequence[bytes]) -> str:
    return b"".join(parts).decode("utf-8", "replace").strip()


def _words(err: str, keys: Path, question: Question) -> str:
    """The line that names the line of the file of signers, else the last one; with the file's own name."""
    telling = [line for line in err.splitlines() if line.startswith(f"{keys}:")]
    return safe(telling[-1].strip().replace(str(keys), str(question.allowed))) if telling else last_words(err)
