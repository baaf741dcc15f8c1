"""`reconciler ask`: says something to a wizard and prints its answer."""

from __future__ import annotations

import sys

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, json_option, out, pass_session, verb


@verb("reconciler ask ezra 'What did the house decide yesterday?'", "cat notes.md | reconciler ask ezra -")
@click.argument("wizard")
@click.argument("text", nargs=-1, required=True)
@json_option
@pass_session
def ask(session: Session, wizard: str, text: tuple[str, ...], as_json: bool) -> int:
    """Say something to a running wizard and print its answer.

    TEXT `-` is read from standard input. Needs no network but the gateway's own port.
    """
    from reconciler import compose
    from reconciler.cli.logtext import readable
    from reconciler.cli.names import body_of
    from reconciler.cli.progress import progress
    from reconciler.engine.ask import ask as put
    from reconciler.render.document import json_text

    words = _words(text)
    settings = session.settings()
    with (
        progress(session) as events,
        compose.open_host(settings, events, session.environ, change=False) as bound,
    ):
        process = body_of(wizard, bound.host.ledger.records(), settings.host)
        answer = put(bound.host, process, words)
    if as_json:
        out(json_text({"format": 1, "wizard": wizard, "answer": answer}))
    else:
        out(readable(answer).rstrip("\n") + "\n")
    return Exit.DONE


def _words(text: tuple[str, ...]) -> str:
    words = sys.stdin.read() if text == ("-",) else " ".join(text)
    if not words.strip():
        raise click.UsageError("there is nothing to say")
    return words
