"""What one document tells on its own: kind, fields, types, values."""

from __future__ import annotations

import pytest

from tests.spec.fleets import FLEET, load, told, wizard

UNION = "must be {generate: true} or {env: ...} or {file: ...} or {age: ...}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1:1: a document must be a mapping with a kind, not a list (begin it with kind: and a name:)"),
        ("hello\n", "1:1: a document must be a mapping with a kind, not a string (begin it with kind: and a name:)"),
        (
            "name: x\n",
            "1:1: kind is missing (begin the document with kind: and one of Fleet, Wizard, Service, Codebase, Model, "
            "Cron, Task)",
        ),
        ("kind: wizzard\nname: x\n", "1:7: unknown kind `wizzard` (did you mean Wizard?)"),
        (
            "kind: Deployment\n",
            "1:7: unknown kind `Deployment` (use one of: Fleet, Wizard, Service, Codebase, Model, Cron, Task)",
        ),
        (
            "kind: 7\n",
            "1:7: kind must be a string, not a whole number "
            "(use one of: Fleet, Wizard, Service, Codebase, Model, Cron, Task)",
        ),
        (
            "kind: Wizzard\nname: [\n",
            "3:1: this is not YAML: did not find expected node content (write a value here, or close the bracket)",
        ),
    ],
)
def test_kind(text: str, expected: str) -> None:
    assert told({"x.yaml": text}) == [f"fleet/x.yaml:{expected}"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("prot: 1", "8:1: unknown field `prot` in Wizard (did you mean port?)"),
        ("Role: x", "8:1: unknown field `Role` in Wizard (did you mean role?)"),
        (
            "zzz: 1",
            "8:1: unknown field `zzz` in Wizard (known fields: api_key, codebase, config, desired, env, father, "
            "formerly, home, host, kind, model, name and 5 more)",
        ),
        ("desired: robd", "8:10: desired `robd` is not one of robed, unrobed, lobster, dead (did you mean robed?)"),
        ("desired: 5", "8:10: desired must be a string, not a whole number (put it in quotes)"),
        ("role: 5", "8:7: role must be a string, not a whole number (put it in quotes)"),
        ("role: [a]", "8:7: role must be a string, not a list"),
        ("father:", "8:8: father is empty, and must be a string (give it a string, or leave it out)"),
        (
            "father: Ezra",
            "8:9: father `Ezra` is not a safe name "
            "(use lower-case letters, digits and single hyphens, beginning with a letter: allegro-primus)",
        ),
        ("telegram:", "8:10: telegram is empty, and must be a mapping (give it a mapping, or leave it out)"),
        (
            "telegram: {}",
            "8:11: token is missing in telegram (add it: Where the bot token is found; two wizards may not share one.)",
        ),
        ("telegram: {token: 12345:abc}", f"8:19: telegram.token {UNION}, not a string"),
        ("telegram: {token: {evn: X}}", f"8:19: telegram.token {UNION}"),
        ("api_key: {env: A, file: /b}", f"8:10: api_key {UNION}"),
        ("api_key: {generate: false}", "8:21: api_key.generate must be true"),
        (
            "api_key: {env: sk-ant-123}",
            "8:16: api_key.env is not the name of a variable "
            "(use letters, digits and underscores, such as ANTHROPIC_API_KEY)",
        ),
        ("api_key: {file: secrets/key}", "8:17: api_key.file is not an absolute path (begin it with /)"),
        ("api_key: {env: A, evn: B}", "8:19: unknown field `evn` in api_key (did you mean env?)"),
        (
            "env: {A-B: x}",
            "8:7: `A-B` is not the name of a variable (use letters, digits and underscores, such as ANTHROPIC_API_KEY)",
        ),
        (
            "env: {A: 5}",
            f"8:10: env.A {UNION.replace('be', 'be a string or')}, not a whole number",
        ),
        ("config: []", "8:9: config must be a mapping, not a list"),
        ("robe: {port: 70000}", "8:14: robe.port `70000` must be at most 65535"),
    ],
)
def test_fields_of_a_wizard(line: str, expected: str) -> None:
    assert told({"ezra.yaml": wizard("ezra", 8643, line)}) == [f"fleet/ezra.yaml:{expected}"]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ('"8643"', "port must be a whole number, not a string (take the quotes away)"),
        ("eight", "port must be a whole number, not a string"),
        ("8643.0", "port must be a whole number, not a number"),
        ("8643.5", "port must be a whole number, not a number"),
        ("true", "port must be a whole number, not true or false"),
        ("0", "port `0` must be at least 1"),
        ("65536", "port `65536` must be at most 65535"),
        ("08643", "08643 is one number to one reader and another to the next"),
    ],
)
def test_ports(port: str, expected: str) -> None:
    (problem,) = told({"ezra.yaml": wizard("ezra", port)})
    assert problem.startswith(f"fleet/ezra.yaml:3:7: {expected}")


@pytest.mark.parametrize("name", ["../x", "a b", "Ezra", "-a", "a--b", "a_b", ".x", "a/b", '"a\\n"', "é", "a.b", "1a"])
def test_names_that_could_leave_their_folder(name: str) -> None:
    (problem,) = load({"ezra.yaml": wizard(name)}).problems
    assert problem.at.line == 2
    assert "is not a safe name" in problem.message
    assert problem.rule == "schema/pattern"


def test_a_name_has_forty_characters_at_most() -> None:
    assert told({"ezra.yaml": wizard("a" * 40)}) == []
    (problem,) = told({"ezra.yaml": wizard("a" * 41)})
    assert problem == "fleet/ezra.yaml:2:7: name must be at most 40 characters long"


def test_missing_fields_all_at_once() -> None:
    assert told({"x.yaml": "# first\nkind: Wizard\nname: x\nport: 8644\n"}) == [
        "fleet/x.yaml:2:1: codebase is missing (add it: The Codebase that its Body runs.)",
        "fleet/x.yaml:2:1: model is missing (add it: The Model it thinks with.)",
        "fleet/x.yaml:2:1: soul is missing (add it: Its SOUL.md: from a file, or written from charter fields.)",
    ]


@pytest.mark.parametrize(
    ("soul", "expected"),
    [
        ("soul: text", "6:7: soul must be {file: ...} or {charter: ...}, not a string"),
        ("soul: {path: x}", "6:7: soul must be {file: ...} or {charter: ...}"),
        ("soul: {charter: {}}", "6:17: identity is missing in soul.charter (add it: Who the wizard is.)"),
        ("soul: {charter: {identity: ''}}", "6:28: soul.charter.identity must be at least 1 character long"),
        (
            "soul: {charter: {identity: a, responsibilities: [a, 1]}}",
            "6:53: soul.charter.responsibilities[1] must be a string, not a whole number (put it in quotes)",
        ),
        (
            "soul: {charter: {identity: a, liniage: b}}",
            "6:31: unknown field `liniage` in soul.charter (did you mean lineage?)",
        ),
    ],
)
def test_souls(soul: str, expected: str) -> None:
    text = wizard().replace("soul:\n  charter: {identity: a wizard}", soul)
    assert told({"ezra.yaml": text}) == [f"fleet/ezra.yaml:{expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "kind: Codebase\nname: c\nsource: {pypi: 'a==1', version: latest}\n",
            [
                "3:16: source.pypi `a==1` is not the name of a package "
                "(name it as the package index does, without its version)",
                "3:33: source.version `latest` is not an exact version (name one version, such as 0.19.0)",
            ],
        ),
        (
            "kind: Codebase\nname: c\nsource: {pypi: a, version: 0.19, with: [-r x]}\n",
            [
                "3:28: source.version must be a string, not a number (put it in quotes)",
                "3:41: source.with[0] `-r x` is not a requirement (write it as in aiohttp, or aiohttp==3.9.5)",
            ],
        ),
        (
            "kind: Model\nname: m\nid: x\nprovider: custom\nbase_url: localhost:1\n",
            [
                "5:11: base_url is not a web address (begin it with http:// or https://)",
            ],
        ),
        (
            "kind: Cron\nname: c\nwizard: ezra\nschedule: '*/15 * * *'\nrun: dispach\n",
            [
                "4:11: schedule `*/15 * * *` is not a cron schedule "
                "(write five fields with one space between them, such as */15 * * * *)",
                "5:6: run `dispach` is not one of dispatch, monitor, report, checkpoint, selfcheck "
                "(did you mean dispatch?)",
            ],
        ),
        (
            "kind: Task\nname: TASK-x\nwizard: ezra\ntitle: ''\npriority: P9\n",
            [
                "2:7: name `TASK-x` is not the name of a task (write TASK- and up to six digits, such as TASK-001)",
                "4:8: title must be at least 1 character long",
                "5:11: priority `P9` is not one of P0, P1, P2, P3 (use one of these)",
            ],
        ),
    ],
)
def test_other_kinds(text: str, expected: list[str]) -> None:
    assert told({"x.yaml": text}) == [f"fleet/x.yaml:{line}" for line in expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  vps: {}", "  {}", "4:3: hosts must be given at least 1 entry"),
        ("  vps: {}", "  A b: {}", "4:3: `A b` is not a safe name"),
        ("  vps: {}", "  vps: {root: wizards}", "4:15: hosts.vps.root `wizards` is not an absolute path"),
        ("    8645:", "    port8645:", "9:5: `port8645` is not a port (use a number from 1 to 65535)"),
    ],
)
def test_the_fleet_document(old: str, new: str, expected: str) -> None:
    (problem,) = told({"fleet.yaml": FLEET.replace(old, new)})
    assert problem.startswith(f"fleet/fleet.yaml:{expected}")


def test_values_that_may_be_secrets_are_never_repeated() -> None:
    secret = "sk-ant-hunter2"
    lines = [
        f"api_key: {secret}",
        f"env: {{A_KEY: [{secret}], B_KEY: {secret}}}",
        f"telegram: {{token: {{env: {secret}}}}}",
    ]
    problems = told({"ezra.yaml": wizard("ezra", 8643, *lines)})
    assert len(problems) == 3
    assert secret not in "\n".join(problems)
