"""The command `reconciler`: its verbs, and what becomes of the ways in which they end.

Start-up has a budget: nothing but click is imported until a verb runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from reconciler import __version__
from reconciler.cli import failures
from reconciler.cli.exits import Exit
from reconciler.cli.session import PipeClosed, global_options
from reconciler.cli.table import Verbs
from reconciler.errors import ReconcilerError

_EPILOG = """\b
Exit codes:
    0  done, or nothing to change
    1  error
    2  plan: there are changes
    3  refused by policy, or the plan is stale
  130  interrupted

\b
--config and --color may also stand after the verb.
RECONCILER_SOURCE__URL and the like override settings."""
PROGRAM = "reconciler"


@click.group(
    PROGRAM,
    cls=Verbs,
    epilog=_EPILOG,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@global_options(hidden=False)
def cli() -> None:
    """GitOps for a fleet of AI agents on plain servers.

    Git holds the fleet as YAML. On each host, reconciler compares it with what runs there, shows the plan, applies it,
    and commits what it saw back to Git.

    Begin with `reconciler demo`: a whole system in a folder, without root.
    """


def run(args: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code; never raises."""
    words = list(sys.argv[1:] if args is None else args)
    options = words[: words.index("--")] if "--" in words else words
    as_json = "--json" in options
    _print_anything()
    try:
        return _invoke(words)
    except ReconcilerError as error:
        return failures.expected(error, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        return failures.interrupted(as_json=as_json)
    except click.ClickException as error:
        return failures.usage(error, as_json=as_json)
    except PipeClosed:
        return _pipe_closed()
    except Exception as error:  # noqa: BLE001 - the last door: what gets here is a bug, and is shown as one
        return failures.bug(error, as_json=as_json)


def _invoke(words: list[str]) -> int:
    return int(cli.main(words, prog_name=PROGRAM, standalone_mode=False) or Exit.DONE)


def _print_anything() -> None:
    """A terminal that knows only ASCII gets escapes instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _pipe_closed() -> int:
    """Whoever read our output has gone; what is still buffered must not complain at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
    return Exit.ERROR
