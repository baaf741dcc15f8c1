"""How a command fails: an expected error in three lines, a usage error with its usage, a bug with its traceback.

Text goes to stderr; a caller that asked for JSON gets the same error as a document on stdout too.
"""

from __future__ import annotations

import sys

import click

from reconciler import __version__
from reconciler.cli.exits import Exit
from reconciler.cli.session import out, say
from reconciler.errors import ReconcilerError


def expected(error: ReconcilerError, *, as_json: bool) -> int:
    """Shows an error that a person can mend, and every problem of a fleet that has some; its exit code."""
    from reconciler.engine.desired import InvalidFleet
    from reconciler.render.problems import problems_document, problems_text

    problems = error.problems if isinstance(error, InvalidFleet) else ()
    if problems:
        sys.stderr.write(problems_text(problems))
    where = f"\n  where: {error.where}" if error.where else ""
    mend = f"\n  mend: {error.mend}" if error.mend else ""
    say(f"error: {error.what}{where}{mend}")
    if as_json:
        details = {"problems": problems_document(problems)["problems"]} if problems else {}
        _document({"what": error.what, "where": error.where, "mend": error.mend, **details})
    return error.exit_code


def usage(error: click.ClickException, *, as_json: bool) -> int:
    """Shows what is wrong with the arguments. Never 2, which means that a plan has changes."""
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return Exit.ERROR
    say(f"error: {error.format_message()}")
    if context is not None:
        say(f"{context.get_usage()}\nTry '{context.command_path} --help'.")
    if as_json:
        _document({"what": error.format_message(), "where": "", "mend": "see --help"})
    return Exit.ERROR


def bug(error: Exception, *, as_json: bool) -> int:
    """Shows the traceback and how to report it."""
    import traceback

    say("".join(traceback.format_exception(error)).rstrip())
    python = ".".join(str(part) for part in sys.version_info[:3])
    say(
        f"error: this is a bug in reconciler: {type(error).__name__}\n"
        f"  mend: report it with the lines above, what you ran, and: reconciler {__version__}, "
        f"Python {python}, {sys.platform}. Look the lines over for secrets first."
    )
    if as_json:
        _document({"what": f"a bug in reconciler: {type(error).__name__}", "where": "", "mend": "report it"})
    return Exit.ERROR


def interrupted(*, as_json: bool) -> int:
    say("interrupted")
    if as_json:
        _document({"what": "interrupted", "where": "", "mend": ""})
    return Exit.INTERRUPTED


def _document(error: dict[str, object]) -> None:
    import json

    out(json.dumps({"error": error}, indent=2) + "\n")
