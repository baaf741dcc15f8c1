"""Models: a context window that Hermes accepts. Codebases: what an API server needs to answer.

Not done here: asking a provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from re import match as begins

from reconciler.spec.contexts import LEAST_CONTEXT, known_context
from reconciler.spec.draft import Draft, Entry
from reconciler.spec.kinds import Codebase, Model
from reconciler.spec.position import Problem

OVERRIDE = 65_536
_OLLAMA_PORT = ":11434"


def check_models(draft: Draft) -> Iterator[Problem]:
    for model in draft.models.values():
        yield from _context(model)
    for codebase in draft.codebases.values():
        yield from _codebase(codebase)


def _context(entry: Entry[Model]) -> Iterator[Problem]:
    model = entry.record
    told, real = model.context_length, model.context or known_context(model.id)
    least = f"{LEAST_CONTEXT:,}"
    if told is not None and told < LEAST_CONTEXT:
        what = f"context_length {told:,} is under {least}: every run of Hermes would fail"
        yield entry.error("model/context", ("context_length",), what, f"write context_length: {OVERRIDE} or more")
    elif real is not None and real < LEAST_CONTEXT:
        path = ("context",) if model.context else ("id",)
        what = f"model {model.id} takes {real:,} tokens, and Hermes asks for {least}"
        lacking = _lacking(model)
        if lacking:
            mend = f"choose another model, or override it with {lacking}"
            yield entry.error("model/context", path, f"{what}: every run would fail", mend)
        else:
            mend = "what goes beyond is lost; choose another model for long work"
            yield entry.warning("model/context", path, f"{what}: the override only changes the number", mend)


def _lacking(model: Model) -> str:
    """What the override that lets a small model pass still needs."""
    wanted = [("context_length", model.context_length)]
    if is_ollama(model):
        wanted.append(("ollama_num_ctx", model.ollama_num_ctx))
    return " and ".join(f"{name}: {OVERRIDE}" for name, value in wanted if value is None or value < LEAST_CONTEXT)


def is_ollama(model: Model) -> bool:
    """Whether the model is served by Ollama, which opens a window of its own; told by provider, address or tag."""
    if model.provider not in ("custom", "ollama"):
        return False
    address = model.base_url or ""
    return model.provider == "ollama" or _OLLAMA_PORT in address or "ollama" in address or ":" in model.id


def _codebase(entry: Entry[Codebase]) -> Iterator[Problem]:
    source = entry.record.source
    if entry.record.program == "hermes" and not any(begins(r"aiohttp\b(?!-)", item) for item in source.with_):
        what = f"codebase {entry.record.name} has no aiohttp beside it: the API server would never listen"
        yield entry.warning("codebase/aiohttp", ("source",), what, "add with: [aiohttp]")
