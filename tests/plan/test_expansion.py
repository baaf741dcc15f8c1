"""What a quarantine is about: what Git declares for one wizard, and the texts of its secrets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from reconciler.plan.codec import RESOURCE, Codec
from reconciler.plan.expand import Desired
from reconciler.plan.expansion import FORM, Expansion, comparable, expansion, of_wizard, same
from reconciler.plan.fact import SecretFact
from reconciler.plan.fields import secret_refs
from reconciler.plan.fresh import with_fresh_secrets
from reconciler.plan.generation import effective, stands
from reconciler.plan.held import Generation, Quarantine, Records, SecretTexts
from reconciler.plan.resource import Directory, KeyedFile, TextFile
from reconciler.plan.value import SecretRef
from tests.plan.fleets import changed, desired_of, fleet_of, simple

AT = "2026-04-01T08:00:00Z"
TOKEN = SecretRef("file", "/etc/token")


@dataclass
class Later:
    """A folder, as a later version might have it."""

    key: str
    wizard: str | None
    path: str
    mode: int
    type: Literal["directory"] = "directory"
    owner: str = "root"


def expanded(desired: Desired, wizard: str = "ada") -> Expansion:
    return expansion(of_wizard(desired)[wizard], {}, desired.company[wizard])


def quarantined(digest: str, commit: str = "a" * 40, secrets: SecretTexts = ()) -> Quarantine:
    return Quarantine("ada", digest, commit, "deaf", AT, secrets=secrets)


def test_who_joins_or_leaves_is_no_change_of_the_others() -> None:
    souls = [{"charter": {"identity": name}} for name in ("ada", "bo")]
    ada, bo = simple("ada", soul=souls[0]), simple("bo", 8644, soul=souls[1])
    alone, both = desired_of(fleet_of(ada)), desired_of(fleet_of(ada, bo))
    soul = next(r for r in both.resources if isinstance(r, TextFile) and r.wizard == "ada" and "SOUL" in r.path)
    assert both.company["ada"] in soul.text.splitlines()
    assert alone.company["ada"] == ""
    assert expanded(alone) == expanded(both)
    assert expanded(both, "bo") != expanded(both)


def test_a_change_of_its_own_is_another_expansion() -> None:
    fleet = fleet_of(simple("ada"), simple("bo", 8644))
    assert expanded(desired_of(fleet)) != expanded(desired_of(changed(fleet, "ada", port=8650)))


def test_a_field_that_a_later_version_adds_changes_no_digest() -> None:
    one = ("wizard/ada/dir", "ada", "/srv/ada", 0o700)
    later: Codec[Later] = Codec(Later, "folder")
    assert later.canonical(Later(*one)) == RESOURCE.canonical(Directory(*one))
    assert later.canonical(Later(*one, owner="ada")) != RESOURCE.canonical(Directory(*one))


def test_a_digest_of_another_form_is_unknown_and_counts_for_its_own_commit() -> None:
    desired = desired_of(fleet_of(simple("ada")), "a" * 40)
    old = quarantined("of another version")
    assert (comparable(old), comparable(quarantined(f"{FORM}:0"))) == (False, True)
    assert set(effective(desired, Records(quarantines={"ada": old}), {}).quarantined) == {"ada"}
    moved = replace(desired, commit="b" * 40)
    assert not effective(moved, Records(quarantines={"ada": old}), {}).quarantined


def test_a_secret_that_can_not_be_read_is_not_another_one() -> None:
    one = quarantined("2:d", secrets=((TOKEN, "first"),))
    assert same(one, Expansion("2:d", ((TOKEN, "first"),)))
    assert same(one, Expansion("2:d", (), ((TOKEN, "is not there"),)))
    assert not same(one, Expansion("2:d", ((TOKEN, "second"),)))
    assert not same(one, Expansion("2:e", ((TOKEN, "first"),)))


def test_a_new_text_is_a_new_try_only_where_the_text_is_what_failed() -> None:
    desired = desired_of(fleet_of(simple("ada")), "b" * 40)
    declared = of_wizard(desired)["ada"]
    ref = next(ref for resource in declared for ref in secret_refs(resource))
    made = expansion(declared, {ref: SecretFact("second")}, desired.company["ada"])
    failed = quarantined(made.digest, secrets=made.secrets)
    third = {ref: SecretFact("third")}
    by_text = Generation("ada", 1, "a" * 40, AT, made.digest, declared, ((ref, "first"),))
    by_commit = replace(by_text, expansion="2:other")
    for generation, expected in ((by_text, False), (by_commit, True)):
        records = Records(generations={"ada": (generation,)}, quarantines={"ada": failed})
        assert stands(failed, declared, desired, records, third) is expected
        assert stands(failed, declared, desired, records, {ref: SecretFact("second")})
        assert stands(failed, declared, desired, records, {ref: SecretFact("", "is not there")})


def test_a_way_back_takes_the_text_that_came_since_and_no_other() -> None:
    declared = of_wizard(desired_of(fleet_of(simple("ada"))))["ada"]
    env = next(r for r in declared if isinstance(r, KeyedFile) and secret_refs(r))
    (ref, *_) = secret_refs(env)
    pins = tuple(replace(k, value=SecretRef("pinned", "1")) if k.value == ref else k for k in env.keys)
    pinned = replace(env, keys=pins)
    generation = Generation("ada", 1, "a" * 40, AT, "2:d", (pinned,), ((ref, "1"),))

    @dataclass
    class Case:
        now: SecretFact
        failed: str
        fresh: bool

    for case in (
        Case(SecretFact("1"), "1", fresh=False),
        Case(SecretFact("2"), "1", fresh=True),
        Case(SecretFact("2"), "2", fresh=False),
        Case(SecretFact("", "is not there"), "1", fresh=False),
    ):
        (found,) = with_fresh_secrets(generation, declared, ((ref, case.failed),), {ref: case.now})
        assert (found == env, found == pinned) == (case.fresh, not case.fresh)
    other = tuple(replace(k, value=TOKEN) if k.value == ref else k for k in env.keys)
    now = {TOKEN: SecretFact("2"), ref: SecretFact("2")}
    assert with_fresh_secrets(generation, (replace(env, keys=other),), (), now) == (pinned,)
