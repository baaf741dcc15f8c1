"""What a changed ciphertext does to a plan: nothing when the text is the same, else a restart of those who read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.age import HostKey, sealer
from reconciler.adapters.secrets import HostSecrets
from reconciler.plan.build import build
from reconciler.plan.change import Action, Disposition, Plan
from reconciler.plan.codec import decode_plan, encode_plan
from reconciler.plan.expand import Desired, expand
from reconciler.plan.fact import Observed, Present, ProcessFact, ProcessState
from reconciler.plan.fields import inputs_digest, secret_refs, wanted_fields
from reconciler.plan.held import Held, Origin, Records
from reconciler.plan.resource import Process
from reconciler.plan.value import SecretRef
from reconciler.render.plan_json import plan_json
from reconciler.render.plan_markdown import plan_markdown
from reconciler.render.plan_text import plan_text
from tests.spec.fleets import load, wizard

READERS = ("ada", "bob")
OTHERS = ("eve",)


class Small:
    """A host on which everything runs as one fleet wanted it."""

    def __init__(self, state: Path) -> None:
        self.secrets = HostSecrets(state, {})
        self.seal = sealer([HostKey(state / "secrets" / "age.key").public()])

    def desired(self, value: str) -> Desired:
        """Ada and Bob read the value, Eve reads none."""
        line = f'env: {{A_TOKEN: {{age: "{value}"}}}}'
        files = {f"{name}.yaml": wizard(name, 8643 + n, line) for n, name in enumerate(READERS)}
        loaded = load({"ezra.yaml": None, **files, "eve.yaml": wizard("eve", 8650)})
        assert loaded.fleet is not None, loaded.problems
        return expand(loaded.fleet, "vps", None, "c0ffee")

    def observed(self, old: Desired, new: Desired, records: Records) -> Observed:
        refs = {ref for r in (*old.resources, *new.resources) for ref in secret_refs(r)}
        facts = {
            key: ProcessFact(ProcessState.RUNNING, 7, 1.0, inputs_digest(entry.fields))
            if isinstance(entry.resource, Process)
            else Present(entry.fields)
            for key, entry in records.held.items()
        }
        return Observed(facts, self.secrets.observe(refs), {})

    def change(self, before: str, after: str) -> Plan:
        old, new = self.desired(before), self.desired(after)
        for ref in {ref for r in old.resources for ref in secret_refs(r)}:
            self.secrets.make(ref)
        facts = self.secrets.observe({ref for r in old.resources for ref in secret_refs(r)})
        held = {r.key: Held(r, Origin.CREATED, wanted_fields(r, facts), "1") for r in old.resources}
        records = Records(held)
        return build(new, self.observed(old, new, records), records)


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


def test_the_same_text_encrypted_again_restarts_nobody(small: Small) -> None:
    plan = small.change(small.seal("text"), small.seal("text"))
    assert {change.action for change in plan.changes} == {Action.CLAIM}
    assert {change.wizard for change in plan.changes} == set(READERS)


def test_another_text_restarts_those_who_read_it_and_nobody_else(small: Small) -> None:
    plan = small.change(small.seal("text"), small.seal("another"))
    restarts = {change.wizard: change for change in plan.changes if change.action is Action.RESTART}
    assert set(restarts) == set(READERS)
    assert [reason.text for reason in restarts["ada"].reasons] == ["A_TOKEN (secret) changed"]
    assert {change.wizard for change in plan.changes} == set(READERS)
    assert {change.disposition for change in plan.changes} == {Disposition.APPLY}


def test_what_can_not_be_decrypted_blocks_its_readers_and_nobody_else(small: Small, tmp_path: Path) -> None:
    foreign = sealer([HostKey(tmp_path / "elsewhere").public()])("text")
    plan = small.change(small.seal("text"), foreign)
    assert {change.wizard for change in plan.changes} == set(READERS)
    assert {change.disposition for change in plan.changes} == {Disposition.BLOCKED}
    assert all("is not for this host's key" in change.obstacle for change in plan.changes)
    assert plan.steps == ()


def test_faces_show_the_end_of_a_ciphertext_and_no_text(small: Small, tmp_path: Path) -> None:
    value = small.seal("the-secret-text")
    foreign = sealer([HostKey(tmp_path / "elsewhere").public()])("the-secret-text")
    for after in (value, foreign):
        plan = small.change(small.seal("before"), after)
        for shown in (plan_text(plan, verbose=True), plan_markdown(plan), plan_json(plan)):
            assert after not in shown
            assert after[:40] not in shown
            assert "the-secret-text" not in shown
        assert decode_plan(encode_plan(plan)) == plan
    assert f"…{foreign[-8:]}" in plan_text(plan)


def test_a_reference_is_named_by_its_end() -> None:
    assert SecretRef("age", "a" * 100 + "12345678").short == "…12345678"
    assert SecretRef("pinned", "0" * 56 + "12345678").short == "…12345678"
    assert SecretRef("file", "/etc/reconciler/token").short == "/etc/reconciler/token"
