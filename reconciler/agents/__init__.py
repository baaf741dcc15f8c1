"""One pure room for each program that a wizard can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reconciler.agents.hermes import HERMES
from reconciler.agents.program import Agent

AGENTS: dict[str, Agent] = {"hermes": HERMES}


def home_of(env: Mapping[str, str]) -> str | None:
    """The home that an environment names, None when it is of no program that is known here."""
    return next((env[agent.home_variable] for agent in AGENTS.values() if env.get(agent.home_variable)), None)


def gateway_in(env: Mapping[str, str], argv: Callable[[], Sequence[str]]) -> Agent | None:
    """The program of which a live process with this environment is a gateway, None when it is none. `argv` is asked
    only where the environment names a home."""
    return next((a for a in AGENTS.values() if env.get(a.home_variable) and a.gateway(argv())), None)
