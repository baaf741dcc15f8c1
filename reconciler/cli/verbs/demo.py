"""`reconciler demo`: the whole system in a folder, without root and without systemd."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.session import verb


@verb("reconciler demo", "reconciler demo --once --dir /srv/demo")
@click.option("--once", is_flag=True, help="End after the first convergence, and leave nothing running.")
@click.option(
    "--dir", "directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Where it lives."
)
def demo(once: bool, directory: Path | None) -> int:
    """Run a whole fleet in a folder: no root, no systemd, no key.

    Makes a Git remote, installs the real Hermes Agent, brings three wizards up and follows pushes until Ctrl-C. A
    stand-in answers for the language model.
    """
    from reconciler.demo import main

    return main(once=once, directory=directory)
