"""Text of new fleet files: a whole repository to begin with, and one more wizard.

Pure: names in, files out. Not done here: writing them, and checking the result (load.py does, as for any fleet).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.spec.desired import DesiredFleet
from reconciler.spec.kinds import NAME
from reconciler.spec.schema import FLEET_FILE, schemas

SETTINGS = "reconciler.example.toml"
_BARE = re.compile(r"[A-Za-z][\w ,.()/'-]*[\w.)]|[A-Za-z]")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class NewFleet:
    """What a new repository is about. `url` is its address, as far as that is known."""

    name: str
    host: str
    wizard: str
    url: str = "https://gitea.example/owner/fleet.git"


@dataclass(frozen=True, slots=True)
class NewWizard:
    """One more wizard. `host` is "" when the fleet has only one; `schema` is the path of the schema from the file, or
    ""."""

    name: str
    port: int
    codebase: str
    model: str
    host: str = ""
    role: str = ""
    father: str = ""
    schema: str = ""


def safe_name(text: str, otherwise: str) -> str:
    """The text as a name that the kinds accept: lower-case letters, digits and single hyphens."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return name if re.fullmatch(NAME, name) else otherwise


def next_port(fleet: DesiredFleet, host: str) -> int | None:
    """The lowest port of the pool on the host that is neither reserved nor taken by a service or a wizard."""
    pool = fleet.fleet.ports
    taken = {int(port) for port in pool.reserved}
    taken |= {service.port for service in fleet.services.values() if service.host in (None, host)}
    for wizard in fleet.wizards.values():
        if fleet.host_of(wizard) == host:
            taken |= {wizard.port, *((wizard.robe.port,) if wizard.robe else ())}
    return next((port for port in range(pool.first, pool.last + 1) if port not in taken), None)


def wizard_text(wizard: NewWizard) -> str:
    """The wizard's own file, with a charter to be rewritten."""
    title = wizard.name.replace("-", " ").title()
    role = wizard.role or "Helper of the house"
    lines = [f"# yaml-language-server: $schema={wizard.schema}"] if wizard.schema else []
    lines += ["kind: Wizard", f"name: {wizard.name}"]
    lines += [f"host: {wizard.host}"] if wizard.host else []
    lines += [f"role: {_scalar(role)}"]
    lines += [f"father: {wizard.father}"] if wizard.father else []
    lines += [f"port: {wizard.port}", f"codebase: {wizard.codebase}", f"model: {wizard.model}"]
    lines += ["# The charter becomes SOUL.md: write who the wizard is, in your own words.", "soul:", "  charter:"]
    lines += [f"    identity: {_scalar(f'{title}, a wizard of this house')}"]
    lines += ["    responsibilities:", f"      - {_scalar(role)}"]
    if wizard.father:
        father = wizard.father.replace("-", " ").title()
        lines += [f"    father: {_scalar(f'Learns from {father} and brings back what came of it')}"]
    lines += ["    sovereign: Serves the one who owns this machine, and says plainly what it did and did not do"]
    return "\n".join(lines) + "\n"


def fleet_repository(new: NewFleet) -> Mapping[str, str]:
    """Path inside the repository -> text of every file of a new one; it is valid as it is."""
    schema = f"../schemas/{FLEET_FILE}"
    first = NewWizard(
        new.wizard,
        8643,
        "hermes-agent",
        "claude-opus",
        role="First wizard of the house",
        schema=f"../{schema}",
    )
    return {
        "README.md": _README.format(name=new.name, wizard=new.wizard),
        "fleet/fleet.yaml": _FLEET.format(schema=schema, name=new.name, host=new.host),
        "fleet/codebases.yaml": _CODEBASES.format(schema=schema),
        "fleet/models.yaml": _MODELS.format(schema=schema),
        f"fleet/wizards/{new.wizard}.yaml": wizard_text(first),
        SETTINGS: settings_text(new.host, new.url),
        **{f"schemas/{name}": text for name, text in schemas().items()},
    }


def settings_text(host: str, url: str) -> str:
    """An example of the settings of one host."""
    return _SETTINGS.format(host=host, url=json.dumps(url))


def _scalar(text: str) -> str:
    """The text as a YAML scalar on one line, bare where nothing in it could be read as something else."""
    bare = _BARE.fullmatch(text) and text.lower() not in _WORDS
    return text if bare else json.dumps(text, ensure_ascii=False)


_FLEET = """\
# yaml-language-server: $schema={schema}
# The fleet itself: its hosts, the ports that wizards may take, and how much one pass may do.
kind: Fleet
name: {name}
hosts:
  {host}:
    root: /root/wizards
ports:
  first: 8643
  last: 8699
  reserved: {{}}
policy:
  max_deletions: 0 # wizards that one pass may remove
  max_restarts: 5 # running wizards that one pass may restart
"""

_CODEBASES = """\
# yaml-language-server: $schema={schema}
# Programs that wizards share: one installed version each, in a virtual environment of its own.
kind: Codebase
name: hermes-agent
source:
  pypi: hermes-agent
  version: 0.19.0
  with: [aiohttp] # without it the API server of a gateway never listens
"""

_MODELS = """\
# yaml-language-server: $schema={schema}
# Language models and how wizards reach them. Keys never stand here: the host has them.
kind: Model
name: claude-opus
id: claude-opus-4.6
provider: anthropic
env:
  ANTHROPIC_API_KEY: {{file: /etc/reconciler/anthropic-key}}
"""

_SETTINGS = """\
# Settings of one host: copy this to /etc/reconciler/reconciler.toml on it, and set the address of this repository.
host = "{host}"

[source]
url = {url}
branch = "main"
folder = "fleet"
# token = {{file = "/etc/reconciler/token"}}
"""

_README = """\
# {name}

The desired state of our wizards, as YAML. Whatever is committed to `main` is what each host becomes.

| where | what |
|---|---|
| `fleet/fleet.yaml` | hosts, ports, and how much one pass may do |
| `fleet/codebases.yaml` | installed programs |
| `fleet/models.yaml` | language models and where their keys are |
| `fleet/wizards/` | one file a wizard, such as `{wizard}.yaml` |
| `schemas/` | for editors; `reconciler schema` writes it |

- Check before you commit: `reconciler validate`
- See what a commit would do to this host: `reconciler plan --fleet fleet`
- Add a wizard: `reconciler new wizard NAME`
- Remove one: delete its file, and write the trailer `Allow-Delete: NAME` into the commit. Its memories are kept.

No secret is ever written here as text: `{{generate: true}}`, `{{env: NAME}}` and `{{file: /path}}` say where the host
has it, and `{{age: ...}}` holds what `reconciler secret encrypt` prints.
"""
