"""`reconciler secret`: values encrypted for Git, this host's key for them, and new generated secrets.

A secret comes in by standard input or a prompt without echo, never as an argument: other users can read those.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.session import Session, out, pass_session, say, verb, verbose_option
from reconciler.errors import Refused, Terminal

if TYPE_CHECKING:
    from reconciler.compose import Bound
    from reconciler.engine.report import Planned
    from reconciler.plan.value import SecretRef

_MOST = 64 * 1024


@click.group(no_args_is_help=True)
def secret() -> None:
    """Encrypt secrets for Git, and renew those of this host."""


@verb(
    "reconciler secret encrypt                           for this host; asks for the secret",
    "reconciler secret encrypt --host hermes-vps <token  for a host whose key the fleet declares",
    "reconciler secret encrypt --recipient age1...",
)
@click.option("--recipient", "recipients", metavar="AGE1...", multiple=True, help="A public key; may be repeated.")
@click.option("--host", "hosts", metavar="NAME", multiple=True, help="A host of the fleet; may be repeated.")
@click.option("--fleet", metavar="DIR", default="fleet", type=click.Path(), help="Where --host looks; default: fleet.")
@pass_session
def encrypt(session: Session, recipients: tuple[str, ...], hosts: tuple[str, ...], fleet: str) -> int:
    """Print a secret as an encrypted value for a fleet file.

    Reads it from standard input, or asks without echo. Only the hosts that it was encrypted for can read the value.
    """
    from reconciler import compose

    keys = [*recipients, *_declared(hosts, fleet)] or [compose.host_key(session.settings())]
    seal = compose.sealer(keys)
    out(f'{{age: "{seal(_read())}"}}\n')
    say(f"encrypted for {', '.join(keys)}")
    return Exit.DONE


def _declared(hosts: tuple[str, ...], fleet: str) -> list[str]:
    """The keys that the fleet declares for these hosts."""
    from reconciler.cli.folders import read_fleet, shown_folder
    from reconciler.spec.recipients import declared_keys
    from reconciler.spec.words import listed, mend_name, shown

    if not hosts:
        return []
    folder = shown_folder(fleet)
    known = declared_keys(read_fleet(fleet, folder).files, folder)
    if known is None:
        raise Terminal("no Fleet document can be read here", where=fleet, mend="see `reconciler validate`")
    keys = []
    for name in hosts:
        if name not in known:
            mend = mend_name(name, known, f"there are {listed(known)}")
            raise Terminal(f"the fleet has no host {shown(name)}", where=fleet, mend=mend)
        key = known[name]
        if key is None:
            mend = f"run `reconciler secret key` on it, and write what it prints under hosts.{name}.age"
            raise Terminal(f"the fleet declares no key for host {name}", where=fleet, mend=mend)
        keys.append(key)
    return keys


def _read() -> str:
    """One line of text, without its end. No message repeats it."""
    try:
        line = _given().removesuffix("\n").removesuffix("\r")
        size = len(line.encode())
    except UnicodeError:
        mend = "encode it as UTF-8; what is no text belongs in a file on the host: {file: /path}"
        raise Terminal("the secret is not UTF-8 text", where="standard input", mend=mend) from None
    if not line:
        raise Terminal("there is no secret", where="standard input", mend="pipe it in, or type it when asked")
    if any(character in line for character in "\n\r\0"):
        mend = "a variable holds one line; keep several in a file on the host: {file: /path}"
        raise Terminal("the secret has more than one line", where="standard input", mend=mend)
    if size > _MOST:
        raise _too_long()
    return line


def _given() -> str:
    """Decoded here and strictly: by the locale, other bytes would become characters that nobody typed."""
    if sys.stdin.isatty():
        return str(click.prompt("Secret", hide_input=True, err=True))
    data = sys.stdin.buffer.read(_MOST + 3)  # with \r\n at its end, and one byte more
    if len(data) > _MOST + 2:
        raise _too_long()
    return data.decode("utf-8")


def _too_long() -> Terminal:
    return Terminal("the secret is over 64 KiB", where="standard input")


@verb("reconciler secret rotate ezra API_SERVER_KEY")
@click.argument("wizard")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Rotate without a question.")
@verbose_option
@pass_session
def rotate(session: Session, wizard: str, name: str, yes: bool, verbose: bool) -> int:
    """Make a generated secret of a wizard anew.

    NAME is its variable. Shows the plan and asks first; what else differs for the wizard is applied with it. Only this
    wizard restarts: a generated secret is read by one alone.
    """
    from reconciler.cli.passes import Manner, plan_and_run
    from reconciler.engine.request import Request
    from reconciler.plan.build import Rules
    from reconciler.plan.value import SecretRef

    ref = SecretRef("generate", f"{wizard}/{name}")

    def prepare(bound: Bound) -> None:
        _check_name(bound, wizard, ref)
        bound.host.secrets.renew(ref)

    request = Request("secret rotated by hand", Rules(only=frozenset({wizard})))
    return plan_and_run(session, request, Manner(yes, verbose), lambda planned: _check(planned, ref), prepare)


def _check_name(bound: Bound, wizard: str, ref: SecretRef) -> None:
    """Raises Terminal for what is no generated secret that this wizard has."""
    from reconciler.cli.names import check_recorded
    from reconciler.plan.fields import secret_refs
    from reconciler.spec.words import listed

    records = bound.host.ledger.records()
    check_recorded(wizard, records, bound.host.name)
    resources = (entry.resource for entry in records.held.values() if entry.resource.wizard == wizard)
    refs = {found for resource in resources for found in secret_refs(resource)}
    rolled_back = any(found.source == "pinned" for found in refs)  # then its records name versions
    if ref not in refs and not rolled_back:
        made = [found.location.partition("/")[2] for found in refs if found.source == "generate"]
        mend = f"generated ones are {listed(made)}" if made else "it has none; change others where they come from"
        raise Terminal(f"this is no generated secret of wizard {wizard}", where=ref.location, mend=mend)


def _check(planned: Planned, ref: SecretRef) -> None:
    """Raises Refused when the plan would not write the new secret."""
    from reconciler.plan.change import Disposition
    from reconciler.plan.fields import secret_refs
    from reconciler.plan.resource import KeyedFile

    files = [c for c in planned.plan.changes if isinstance(c.resource, KeyedFile) and ref in secret_refs(c.resource)]
    waiting = [c.obstacle for c in files if c.disposition is not Disposition.APPLY]
    if waiting or not files:
        why = waiting[0] if waiting else "Git wants this secret no more"
        raise Refused(f"the secret was not rotated: {why}", where=ref.location)


@verb("reconciler secret key")
@pass_session
def key(session: Session) -> int:
    """Print the public key that secrets of this host are encrypted to.

    Write it under hosts.NAME.age of the Fleet document. The private key is made at first use and never leaves the state
    folder; keep a backup of it.
    """
    from reconciler import compose

    settings = session.settings()
    out(f"{compose.host_key(settings)}\n")
    say(f"the private key is {settings.state / 'secrets' / 'age.key'}; without it no value encrypted to it can be read")
    return Exit.DONE


for command in (encrypt, rotate, key):
    secret.add_command(command)
