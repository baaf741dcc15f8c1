"""Changes that a person could mean: another valid value, a field more, a wizard more or less, a new name everywhere.

Most fleets with only these are planned; texts and keys are strange all the same, since those are anybody's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.traps import spread

# Any: trees of YAML hold whatever YAML holds.
Tree = Any
Documents = dict[str, list[Tree]]
"""Documents by file."""
Draw = Callable[[st.SearchStrategy[Any]], Any]

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
PRINTABLE = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"), exclude_characters="\u2028\u2029\ufeff")
TEXTS = st.text(PRINTABLE, min_size=1, max_size=30) | st.sampled_from(
    [
        "a\nb\n",
        "# not a heading",
        "- x",
        "''",
        '"',
        "\\",
        "$(id)",
        "${X}",
        "`id`",
        "%s",
        "{{x}}",
        "|a|b|",
        "no",
        "1",
        " a ",
        "<b>",
    ]
)
VARIABLES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True)
SECRETS = st.fixed_dictionaries({"env": VARIABLES}) | st.just({"generate": True}) | st.just({"file": "/etc/secret"})
KEYS = st.text(PRINTABLE, min_size=1, max_size=8) | st.sampled_from(
    ["model", "a.b", "1", "true", "null", "platforms", "x y"]
)
CONFIG = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
FREE_PORTS = st.integers(8648, 8689)
TOKENS = st.sampled_from([4096, 64_000, 65_536, 200_000, 2**62])


def _of_kind(documents: Documents, kind: str) -> list[Tree]:
    return [d for ds in documents.values() for d in ds if isinstance(d, dict) and d.get("kind") == kind]


def _pick(draw: Draw, documents: Documents, kind: str) -> Tree:
    """One document of the kind; a new mapping that stands nowhere when there is none."""
    found = _of_kind(documents, kind)
    return draw(st.sampled_from(found)) if found else {}


def wizard_field(draw: Draw, documents: Documents) -> None:
    name, values = draw(
        spread(
            [
                ("port", FREE_PORTS),
                ("desired", st.sampled_from(["unrobed", "dead"])),
                ("role", TEXTS),
                (
                    "soul",
                    st.fixed_dictionaries({"charter": st.fixed_dictionaries({"identity": TEXTS, "sovereign": TEXTS})}),
                ),
                ("soul", st.just({"file": "souls/ezra.md"})),
                ("home", st.sampled_from(["x", "deep/er/home", "own/h", "a-b/.home"])),
                ("api_key", SECRETS),
                ("telegram", st.fixed_dictionaries({"token": st.fixed_dictionaries({"env": VARIABLES})})),
                ("env", st.dictionaries(VARIABLES, TEXTS | SECRETS, max_size=3)),
                ("config", st.dictionaries(KEYS, CONFIG, max_size=3)),
                (
                    "config",
                    st.dictionaries(st.sampled_from(["model", "agent", "display", "tools"]), CONFIG, max_size=2),
                ),
                ("robe", st.fixed_dictionaries({"port": st.integers(9000, 9100)})),
                ("formerly", st.lists(NAMES, max_size=2, unique=True)),
            ]
        )
    )
    _pick(draw, documents, "Wizard")[name] = draw(values)


def model_field(draw: Draw, documents: Documents) -> None:
    name, values = draw(
        spread(
            [
                ("id", TEXTS),
                ("provider", st.sampled_from(["anthropic", "custom", "openai", "x y"])),
                ("base_url", st.sampled_from(["http://127.0.0.1:1/v1", "https://[::1]:9/", "https://x.example/é"])),
                ("context", TOKENS),
                ("context_length", TOKENS),
                ("ollama_num_ctx", TOKENS),
                ("env", st.dictionaries(VARIABLES, TEXTS | SECRETS, max_size=2)),
            ]
        )
    )
    _pick(draw, documents, "Model")[name] = draw(values)


def codebase_field(draw: Draw, documents: Documents) -> None:
    codebase = _pick(draw, documents, "Codebase")
    version = st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,3})?([ab][0-9])?", fullmatch=True)
    source = st.fixed_dictionaries({"pypi": st.just("hermes-agent"), "version": version, "with": st.just(["aiohttp"])})
    commit = st.text("0123456789abcdef", min_size=40, max_size=40)
    git = st.fixed_dictionaries({"git": st.sampled_from(["https://x.example/a/b.git", "git@x:a/b"]), "commit": commit})
    if draw(st.booleans()):
        codebase["source"] = draw(source | git)
    else:
        codebase["canary"] = draw(st.sampled_from(["ezra", "allegro", "allegro-primus"]))


def policy(draw: Draw, documents: Documents) -> None:
    numbers = st.integers(0, 9) | st.just(2**64)
    _pick(draw, documents, "Fleet")["policy"] = {"max_deletions": draw(numbers), "max_restarts": draw(numbers)}


def pool(draw: Draw, documents: Documents) -> None:
    reserved = st.dictionaries(st.integers(8690, 8699), TEXTS, max_size=2)
    _pick(draw, documents, "Fleet")["ports"] = {
        "first": 8600,
        "last": draw(st.integers(8699, 8900)),
        "reserved": draw(reserved),
    }


def host(draw: Draw, documents: Documents) -> None:
    """The host gets another root, or a second host comes and takes a wizard, and every wizard says where it is."""
    fleet = _pick(draw, documents, "Fleet")
    hosts = fleet.get("hosts")
    if not isinstance(hosts, dict) or not hosts:
        return
    first = next(iter(hosts))
    if draw(st.booleans()):
        hosts[first] = {"root": draw(st.sampled_from(["/srv", "/srv/a-b", "/x/y/z"]))}
        return
    hosts["second"] = {"address": draw(TEXTS)}
    for one in _of_kind(documents, "Wizard"):
        one["host"] = draw(st.sampled_from([first, "second"]))


def new_wizard(draw: Draw, documents: Documents) -> None:
    name = draw(NAMES)
    father = draw(st.sampled_from([None, "ezra", "allegro"]))
    wizard = {
        "kind": "Wizard",
        "name": name,
        "port": draw(FREE_PORTS),
        "codebase": "hermes-agent",
        "model": draw(st.sampled_from(["claude-opus", "qwen"])),
        "soul": {"charter": {"identity": draw(TEXTS)}},
        **({"father": father} if father else {}),
        **({"host": draw(st.sampled_from(["hermes-vps", "second"]))} if draw(st.booleans()) else {}),
    }
    documents.setdefault(f"fleet/wizards/{name}.yaml", []).append(wizard)


def no_wizard(draw: Draw, documents: Documents) -> None:
    """A wizard goes, with what speaks of it."""
    wizards = _of_kind(documents, "Wizard")
    if len(wizards) > 1:
        gone = draw(st.sampled_from(wizards)).get("name")
        for found in documents.values():
            found[:] = [d for d in found if not isinstance(d, dict) or gone not in (d.get("name"), d.get("wizard"))]
        for one in _of_kind(documents, "Wizard"):
            if one.get("father") == gone:
                del one["father"]


def new_name(draw: Draw, documents: Documents) -> None:
    """A wizard, model or codebase is called otherwise, everywhere; a wizard may say how it was called."""
    kind, fields = draw(
        st.sampled_from(
            [("Wizard", ("wizard", "father", "canary")), ("Model", ("model",)), ("Codebase", ("codebase",))]
        )
    )
    one, new = _pick(draw, documents, kind), draw(NAMES)
    old = one.get("name")
    one["name"] = new
    if kind == "Wizard" and isinstance(old, str) and draw(st.booleans()):
        one["formerly"] = [old]
    for document in (d for found in documents.values() for d in found if isinstance(d, dict)):
        for field in fields:
            if old is not None and document.get(field) == old:
                document[field] = new


def chores(draw: Draw, documents: Documents) -> None:
    """Cron lines, tasks and services change or go."""
    kind, name, values = draw(
        spread(
            [
                (
                    "Cron",
                    "schedule",
                    st.sampled_from(["0 0 1 1 0", "*/5 * * * *", "1-5,7 * * jan sun", "59 23 31 12 7"]),
                ),
                ("Cron", "run", st.sampled_from(["dispatch", "monitor", "report", "checkpoint", "selfcheck"])),
                ("Task", "title", TEXTS),
                ("Task", "body", TEXTS),
                ("Task", "priority", st.sampled_from(["P0", "P1", "P2", "P3"])),
                ("Service", "port", st.integers(1, 8000)),
                ("Service", "health", TEXTS),
            ]
        )
    )
    one = _pick(draw, documents, kind)
    if draw(st.integers(0, 4)):
        one[name] = draw(values)
    else:
        for found in documents.values():
            found[:] = [d for d in found if d is not one]


def layout(draw: Draw, documents: Documents) -> None:
    """All in one file, or in another order: that is nobody's business."""
    everything = [d for found in documents.values() for d in found]
    if draw(st.booleans()):
        everything = draw(st.permutations(everything))
    for found in documents.values():
        found.clear()
    documents["fleet/all.yaml"] = copy.deepcopy(everything)
    for name in [name for name, found in documents.items() if not found]:
        del documents[name]


SENSIBLE = (
    wizard_field,
    wizard_field,
    wizard_field,
    model_field,
    codebase_field,
    policy,
    pool,
    host,
    new_wizard,
    no_wizard,
    new_name,
    chores,
    layout,
)
