"""The kinds of a fleet file as typed values: Fleet, Wizard, Service, Codebase, Model, Cron, Task.

Every document is flat: `kind`, `name`, then the fields of the kind. The models are frozen and hold tuples
and frozen models only, so that a loaded fleet can be shared and cached. `schemas/` is generated from them.
Not done here: reading YAML (yaml.py), checks across documents (check.py), what a wizard becomes on a host
(plan/expand.py).
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
ABSOLUTE = r"^/"
PORT_KEY = r"^[1-9][0-9]{0,4}$"
PACKAGE = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
VERSION = r"^[0-9][A-Za-z0-9.!+_-]*$"
REQUIREMENT = r"^[A-Za-z0-9][A-Za-z0-9._\[\],<>=!~ -]*$"
URL = r"^https?://"
REMOTE = (
    r"^(https?://[^\s/@]+/\S+|(ssh|git)://([A-Za-z0-9._-]+@)?[^\s/@:]+(:[0-9]+)?/\S+|file:///\S+"
    r"|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^:\s]\S*|/\S+)$"
)
COMMIT = r"^[0-9a-f]{40}$"
SCHEDULE = r"^\S+( \S+){4}$"
TASK_NAME = r"^TASK-[0-9]{1,6}$"
AGE_KEY = r"^age1[02-9ac-hj-np-z]{58}$"
AGE_VALUE = (
    r"^\s*(-----BEGIN AGE ENCRYPTED FILE-----\s+)?YWdlLWVuY3J5cHRpb24ub3JnL3Yx[A-Za-z0-9+/=\s]+"
    r"(-----END AGE ENCRYPTED FILE-----\s*)?$"
)
PATTERNS = {
    NAME: ("a safe name", "use lower-case letters, digits and single hyphens, beginning with a letter: allegro-primus"),
    ENV_NAME: ("the name of a variable", "use letters, digits and underscores, such as ANTHROPIC_API_KEY"),
    ABSOLUTE: ("an absolute path", "begin it with /"),
    PORT_KEY: ("a port", "use a number from 1 to 65535"),
    PACKAGE: ("the name of a package", "name it as the package index does, without its version"),
    VERSION: ("an exact version", "name one version, such as 0.19.0"),
    REQUIREMENT: ("a requirement", "write it as in aiohttp, or aiohttp==3.9.5"),
    URL: ("a web address", "begin it with http:// or https://"),
    REMOTE: (
        "the address of a Git repository",
        "write it as https://host/owner/repo.git, ssh://git@host/owner/repo.git or git@host:owner/repo.git, "
        "without a password or token",
    ),
    COMMIT: ("a whole commit", "write all 40 hexadecimal digits; `git rev-parse HEAD` prints them"),
    SCHEDULE: ("a cron schedule", "write five fields with one space between them, such as */15 * * * *"),
    TASK_NAME: ("the name of a task", "write TASK- and up to six digits, such as TASK-001"),
    AGE_KEY: ("a public age key", "write what `reconciler secret key` prints on the host: age1..."),
    AGE_VALUE: ("an encrypted value", "write what `reconciler secret encrypt` prints"),
}
"""What each pattern stands for, and how to write it right."""

Name = Annotated[str, Field(pattern=NAME, max_length=40)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
EnvName = Annotated[str, Field(pattern=ENV_NAME, max_length=128)]
Text = Annotated[str, Field(min_length=1)]


class Record(BaseModel):
    """Base of all kinds: unknown fields are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Generate(Record):
    """A secret made on the host once."""

    generate: Literal[True]
    """Always true."""


class FromEnv(Record):
    """A secret read from the reconciler's own environment on the host."""

    env: EnvName
    """Name of the variable."""


class FromFile(Record):
    """A secret read from a file on the host; the path is absolute."""

    file: Annotated[str, Field(pattern=ABSOLUTE)]
    """Absolute path on the host."""


class FromAge(Record):
    """A secret encrypted to the key of the host that needs it."""

    age: Annotated[str, Field(pattern=AGE_VALUE)]
    """What `reconciler secret encrypt` printed, or an armored age file."""


Secret = Generate | FromEnv | FromFile | FromAge
EnvValue = str | Secret


class DesiredState(Enum):
    """Which parts of a wizard run: robed (Robe and Body), unrobed (Body), lobster (Robe), dead (neither)."""

    ROBED = "robed"
    UNROBED = "unrobed"
    LOBSTER = "lobster"
    DEAD = "dead"


class Host(Record):
    """One server of the fleet."""

    root: Annotated[str, Field(pattern=ABSOLUTE)] = "/root/wizards"
    """Folder that holds one folder a wizard; absolute."""
    address: str | None = None
    """Where people find the host; for display."""
    age: Annotated[str, Field(pattern=AGE_KEY)] | None = None
    """Public key that secrets of this host are encrypted to: what `reconciler secret key` prints there."""


class PortPool(Record):
    """TCP ports that wizards may use, on every host."""

    first: Port = 8643
    """Lowest port a wizard may have."""
    last: Port = 8699
    """Highest port a wizard may have."""
    reserved: dict[Annotated[str, Field(pattern=PORT_KEY)], str] = {}
    """Ports inside the pool that no wizard may take yet: port to what it is kept for."""


class Policy(Record):
    """How much one pass may do before a person has to say yes."""

    max_deletions: Annotated[int, Field(ge=0, strict=True)] = 0
    """Wizards that one pass may remove; beyond it the plan is refused whole."""
    max_restarts: Annotated[int, Field(ge=0, strict=True)] = 5
    """Running wizards that one pass may restart or stop; beyond it the plan is refused whole."""


class Fleet(Record):
    """The fleet itself; exactly one document of this kind."""

    kind: Literal["Fleet"]
    name: Name
    """Lower-case letters, digits and single hyphens, beginning with a letter."""
    hosts: Annotated[dict[Name, Host], Field(min_length=1)]
    """The hosts of the fleet by name; `host` in the settings names one of them."""
    ports: PortPool = PortPool()
    """The ports of wizards: the pool, and what is reserved in it."""
    policy: Policy = Policy()
    """Limits of one pass."""


class Charter(Record):
    """Fields of a house charter, rendered into SOUL.md in the order of the seed's template."""

    identity: Text
    """Who the wizard is."""
    lineage: str = ""
    """Where it comes from."""
    responsibilities: tuple[Text, ...] = ()
    """What it does; one line each."""
    father: str = ""
    """How it relates to its father."""
    sovereign: str = ""
    """How it serves the person who owns the fleet."""


class SoulFile(Record):
    """SOUL.md taken from a file beside the fleet files; the path is relative to the fleet folder."""

    file: Text
    """Path of a Markdown file, relative to the fleet folder: souls/ezra.md."""


class SoulCharter(Record):
    """SOUL.md written from charter fields."""

    charter: Charter
    """The house charter, field by field."""


class Telegram(Record):
    """The wizard's Telegram bot."""

    token: Secret
    """Where the bot token is found; two wizards may not share one."""


class Robe(Record):
    """An OpenClaw gateway in front of the Body. Declared, not enforced by this version."""

    port: Port
    """TCP port of its gateway; unique on its host. It may lie outside the pool, which is the Bodies'."""
    codebase: Name | None = None
    """The Codebase that it runs."""


class Wizard(Record):
    """One agent: a Body (Hermes gateway), optionally a Robe, with a home of its own."""

    kind: Literal["Wizard"]
    name: Name
    """Lower-case letters, digits and single hyphens, beginning with a letter."""
    host: Name | None = None
    """Which host runs it; may be left out when the fleet has one host."""
    desired: DesiredState = DesiredState.UNROBED
    """robed, unrobed, lobster or dead."""
    role: str = ""
    """What it is for, in one line."""
    father: Name | None = None
    """The wizard that it descends from."""
    formerly: tuple[Name, ...] = ()
    """Its earlier names: a host that still knows it under one of them renames it, and its memories come along."""
    port: Port
    """TCP port of its API server; unique on its host."""
    codebase: Name
    """The Codebase that its Body runs."""
    model: Name
    """The Model it thinks with."""
    soul: SoulFile | SoulCharter
    """Its SOUL.md: from a file, or written from charter fields."""
    home: str | None = None
    """HERMES_HOME relative to the host's root; `<name>/home` when left out."""
    api_key: Secret = Generate(generate=True)
    """Key of its API server."""
    telegram: Telegram | None = None
    """Its Telegram bot, where it has one."""
    env: dict[EnvName, EnvValue] = {}
    """Further variables of its .env."""
    config: dict[str, Any] = {}
    """Further keys of its config.yaml; each becomes Git's."""
    robe: Robe | None = None
    """Its OpenClaw gateway. Declared, not enforced by this version."""


class Service(Record):
    """A shared service of a host (Gitea, Ollama, SearXNG). Its port is kept free; it is not run by us."""

    kind: Literal["Service"]
    name: Name
    """Lower-case letters, digits and single hyphens, beginning with a letter."""
    host: Name | None = None
    """Which host runs it; every host when left out."""
    port: Port
    """TCP port that it listens on; no wizard may take it."""
    health: str | None = None
    """URL that answers when it is healthy. Declared, not enforced by this version."""


class PypiSource(Record):
    """A program from the Python package index, at one version, in a virtual environment of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)

    pypi: Annotated[str, Field(pattern=PACKAGE)]
    """Name of the package."""
    version: Annotated[str, Field(pattern=VERSION)]
    """Exact version."""
    with_: Annotated[
        tuple[Annotated[str, Field(pattern=REQUIREMENT)], ...],
        Field(alias="with"),
    ] = ()
    """Packages installed beside it, as requirement specifiers."""


class CheckoutSource(Record):
    """A program built from one commit of a Git repository, in a virtual environment of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)

    git: Annotated[str, Field(pattern=REMOTE)]
    """Address of the repository, without credentials."""
    commit: Annotated[str, Field(pattern=COMMIT)]
    """The commit, all 40 digits: a branch or a tag would mean another program tomorrow."""
    with_: Annotated[
        tuple[Annotated[str, Field(pattern=REQUIREMENT)], ...],
        Field(alias="with"),
    ] = ()
    """Packages installed beside it, as requirement specifiers."""


CodebaseSource = PypiSource | CheckoutSource


class Codebase(Record):
    """An installed, versioned program that wizards share."""

    kind: Literal["Codebase"]
    name: Name
    """Lower-case letters, digits and single hyphens, beginning with a letter."""
    source: CodebaseSource
    """Where it is installed from: a package of the index at one version, or a Git repository at one commit."""
    canary: Name | None = None
    """The wizard that moves first when the version changes; when left out, the first leaf of the lineage by name."""
    program: Literal["hermes"] = "hermes"
    """Which program this is; decides how it is configured and run."""


class Model(Record):
    """A language model and how a wizard reaches it."""

    kind: Literal["Model"]
    name: Name
    """Lower-case letters, digits and single hyphens, beginning with a letter."""
    id: Text
    """What the provider calls it: claude-opus-4.6, qwen2.5:1.5b."""
    provider: Text
    """Hermes' name for the provider: anthropic, custom, ..."""
    base_url: Annotated[str, Field(pattern=URL)] | None = None
    """Endpoint of an OpenAI-compatible provider, for provider custom."""
    context: Annotated[int, Field(ge=1, strict=True)] | None = None
    """Tokens that the model really takes, where known."""
    context_length: Annotated[int, Field(ge=1, strict=True)] | None = None
    """Tokens that Hermes is told it takes (model.context_length)."""
    ollama_num_ctx: Annotated[int, Field(ge=1, strict=True)] | None = None
    """Window that Ollama is asked to open (model.ollama_num_ctx)."""
    env: dict[EnvName, EnvValue] = {}
    """Variables that every wizard on this model gets in its .env, such as the provider's key."""
    pull: bool = False
    """Pull it into Ollama. Declared, not enforced by this version."""


class CronJob(Enum):
    """What a cron line calls."""

    DISPATCH = "dispatch"
    MONITOR = "monitor"
    REPORT = "report"
    CHECKPOINT = "checkpoint"
    SELFCHECK = "selfcheck"


class Cron(Record):
    """A line of the cron table. Declared, not enforced by this version."""

    kind: Literal["Cron"]
    name: Name
    """Lower-case letters, digits and single hyphens, beginning with a letter."""
    wizard: Name
    """The wizard it is for."""
    schedule: Annotated[str, Field(pattern=SCHEDULE)]
    """Five cron fields: minute, hour, day of month, month, day of week."""
    run: CronJob
    """What it does: dispatch, monitor, report, checkpoint or selfcheck."""


class Priority(Enum):
    """How urgent a task is; P0 comes first."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Task(Record):
    """One entry of the work queue. Declared, not enforced by this version."""

    kind: Literal["Task"]
    name: Annotated[str, Field(pattern=TASK_NAME)]
    """TASK- and a number."""
    wizard: Name
    """The wizard that does it."""
    priority: Priority = Priority.P2
    """P0 comes first."""
    title: Text
    """What is to be done, in one line."""
    body: str = ""
    """The task itself, as the wizard reads it."""


Document = Fleet | Wizard | Service | Codebase | Model | Cron | Task
KINDS: dict[str, type[Record]] = {
    "Fleet": Fleet,
    "Wizard": Wizard,
    "Service": Service,
    "Codebase": Codebase,
    "Model": Model,
    "Cron": Cron,
    "Task": Task,
}
