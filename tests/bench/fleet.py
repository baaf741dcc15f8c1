"""A fleet of any size as YAML: one file a wizard, all of them on one host, codebase and endpoint."""

from __future__ import annotations

from collections.abc import Mapping

HOST = "bench"
FIRST_PORT = 20_000
CODEBASE = ("hermes-agent", "0.19.0", "aiohttp")


def name_of(number: int) -> str:
    return f"wizard-{number:04d}"


def port_of(number: int) -> int:
    return FIRST_PORT + number


def wizards(count: int) -> Mapping[int, str]:
    """Port -> wizard."""
    return {port_of(number): name_of(number) for number in range(count)}


def fleet(count: int, root: str, desired: str) -> Mapping[str, str]:
    """Path in the repository -> text. The first wizard has a model of its own, `model_document`."""
    package, version, beside = CODEBASE
    shared = f"""\
kind: Fleet
name: bench
hosts: {{{HOST}: {{root: {root}}}}}
ports: {{first: {FIRST_PORT}, last: {FIRST_PORT + count}}}
---
kind: Codebase
name: {package}
source: {{pypi: {package}, version: {version}, with: [{beside}]}}
---
{model_document("shared", "llama3.1:70b")}"""
    files = {"fleet/fleet.yaml": shared, "fleet/own.yaml": model_document("own", "llama3.1:70b")}
    files.update({f"fleet/wizards/{name_of(n)}.yaml": _wizard(n, desired) for n in range(count)})
    return files


def model_document(name: str, model: str) -> str:
    return f"kind: Model\nname: {name}\nid: {model}\nprovider: custom\nbase_url: http://127.0.0.1:9/v1\n"


def _wizard(number: int, desired: str) -> str:
    return f"""\
kind: Wizard
name: {name_of(number)}
desired: {desired}
role: Keeps the house in order
port: {port_of(number)}
codebase: hermes-agent
model: {"own" if number == 0 else "shared"}
soul:
  charter:
    identity: Wizard number {number} of the benchmark
    responsibilities: [Answers when it is asked, Writes down what it did]
    father: Reports to its father every evening
env:
  TZ: UTC
config:
  memory: {{memory_char_limit: 2200}}
  display: {{compact: true}}
"""
