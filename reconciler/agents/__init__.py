"""One pure room for each program that a wizard can run."""

from __future__ import annotations

from reconciler.agents.hermes import HERMES
from reconciler.agents.program import Agent

AGENTS: dict[str, Agent] = {"hermes": HERMES}
