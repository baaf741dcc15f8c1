"""The same resource under another name and in another folder: what a renamed wizard was, said for where it is now.

Paths are replaced where they stand, also inside texts, arguments and values; nothing else of what a wizard was changes,
so that a generation made under the old name is still a way back. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import assert_never

from reconciler.plan.resource import (
    CodebaseVersion,
    Directory,
    KeyedFile,
    OwnedKey,
    Process,
    Resource,
    Symlink,
    TextFile,
)
from reconciler.plan.value import Known, SecretRef, Value, known


@dataclass(frozen=True)
class Relocation:
    """From the name `old` and the folder `source` to `new` and `target`."""

    old: str
    new: str
    source: str
    target: str

    def key(self, key: str) -> str:
        prefix = f"wizard/{self.old}/"
        return f"wizard/{self.new}/{key.removeprefix(prefix)}" if key.startswith(prefix) else key

    def text(self, text: str) -> str:
        """The text with the folder's path replaced where it is whole, or the beginning of a longer one."""
        return self._path.sub(lambda _: self.target, text)

    def follows(self, before: Value | None, after: Value | None) -> bool:
        """Whether a value differs for no other reason than name and place."""
        if not (isinstance(before, Known) and isinstance(after, Known)):
            return False
        return self.text(before.text) == after.text or (before, after) == (known(self.old), known(self.new))

    def resource(self, resource: Resource) -> Resource:
        """The resource of the wizard where it is now; of all wizards, what it was."""
        if resource.wizard != self.old:
            return resource
        key, wizard = self.key(resource.key), self.new
        match resource:
            case Directory(path=path):
                return replace(resource, key=key, wizard=wizard, path=self.text(path))
            case TextFile(path=path, text=text):
                return replace(resource, key=key, wizard=wizard, path=self.text(path), text=self.text(text))
            case KeyedFile(path=path, keys=keys):
                return replace(resource, key=key, wizard=wizard, path=self.text(path), keys=self._keys(keys))
            case Symlink(path=path, target=target):
                return replace(resource, key=key, wizard=wizard, path=self.text(path), target=self.text(target))
            case CodebaseVersion():
                return resource
            case Process():
                return self._process(resource)
            case _:
                assert_never(resource)

    def _process(self, process: Process) -> Process:
        """It answers by the name that its configuration says, which is the old one until that is written anew."""
        return replace(
            process,
            key=self.key(process.key),
            wizard=self.new,
            argv=tuple(self.text(word) for word in process.argv),
            env=tuple((name, self.text(value)) for name, value in process.env),
            cwd=self.text(process.cwd),
            log=self.text(process.log),
            home=self.text(process.home),
            start_values=self._keys(process.start_values),
            api_key=self._ref(process.api_key),
        )

    def _keys(self, keys: tuple[OwnedKey, ...]) -> tuple[OwnedKey, ...]:
        return tuple(replace(key, value=self._value(key.value)) for key in keys)

    def _value(self, value: Known | SecretRef) -> Known | SecretRef:
        return Known(self.text(value.text)) if isinstance(value, Known) else self._ref(value)

    def _ref(self, ref: SecretRef) -> SecretRef:
        """What was generated for a wizard goes with it."""
        generated = ref.source == "generate" and ref.location.startswith(f"{self.old}/")
        return replace(ref, location=self.new + ref.location[len(self.old) :]) if generated else ref

    @cached_property
    def _path(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.-]){re.escape(self.source)}(?![\w.-])")
