"""Context windows that models are known to have, by family, and what Hermes asks of them.

Only what was measured stands here: an unknown family is not judged. Not done here: reading a model's window from a
running Ollama.
"""

from __future__ import annotations

LEAST_CONTEXT = 64_000
"""Tokens. Hermes Agent ends every run of a model with less as failed, while its health stays ok."""

CONTEXTS = {
    "qwen2.5": 32_768,  # reported by Ollama to Hermes Agent 0.19.0, in every size
}
"""Family -> tokens. A family is a model's id without vendor and without tag."""


def family(model_id: str) -> str:
    """`library/qwen2.5:1.5b` -> `qwen2.5`."""
    return model_id.rsplit("/", 1)[-1].split(":", 1)[0].lower()


def known_context(model_id: str) -> int | None:
    """Tokens that models of this family take; None when it is not known."""
    return CONTEXTS.get(family(model_id))
