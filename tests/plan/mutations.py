"""Mistakes that somebody could make in plan/, each with the properties that must notice it.

`old` stands exactly once in `file`; `new` takes its place. test_plan_mutations.py runs the properties over each.
"""

from __future__ import annotations

from dataclasses import dataclass

CHANGES = "test_plan_changes.py::"
CONVERGENCE = "test_plan_convergence.py::"
OWNERSHIP = "test_plan_ownership.py::"
SAFETY = "test_plan_safety.py::"
ORDER = "test_plan_order.py::"
TRUST = "test_plan_trust.py::"
PORTS = "test_plan_ports.py::"
STAND_IN = "test_plan_stand_in.py::"


@dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "starts over what its supervisor may start any moment",
        "diff.py",
        "return replace(start, halts=True) if fact.state is ProcessState.BACKOFF else start",
        "return start",
        (f"{CHANGES}test_what_waits_to_be_started_again_is_stopped_before_it_is_started",),
    ),
    Mutation(
        "takes the port of what is about to be started again for free",
        "ports.py",
        "return fact.pid is not None or fact.state is ProcessState.BACKOFF",
        "return fact.pid is not None",
        (f"{CHANGES}test_a_port_that_its_holder_may_take_any_moment_is_not_free",),
    ),
    Mutation(
        "takes what it could not observe for absent",
        "diff.py",
        "    obstacle = _obstacle(resource, fact, held, secrets)\n",
        "    fact = Absent() if isinstance(fact, Unknown) else fact\n"
        "    obstacle = _obstacle(resource, fact, held, secrets)\n",
        (f"{SAFETY}test_nothing_is_made_or_taken_on_unknown",),
    ),
    Mutation(
        "compares Python values, where 1 is True",
        "value.py",
        '    text: str\n    type: Literal["known"] = "known"\n',
        '    text: str\n    type: Literal["known"] = "known"\n\n'
        "    def __eq__(self, other: object) -> bool:\n"
        "        return isinstance(other, Known) and bool(json.loads(self.text) == json.loads(other.text))\n\n"
        "    def __hash__(self) -> int:\n"
        "        return 0\n",
        (f"{SAFETY}test_a_plan_names_exactly_what_was_tampered_with",),
    ),
    Mutation(
        "forgets to remove keys that Git no longer declares",
        "diff.py",
        "for path in last if path[0] == KEY and path not in declared and path in live}",
        "for path in last if False}",
        (f"{OWNERSHIP}test_what_git_declares_is_there_and_what_it_took_out_is_gone",),
    ),
    Mutation(
        "removes keys that were never ours",
        "diff.py",
        "for path in last if path[0] == KEY and path not in declared and path in live}",
        "for path in live if path[0] == KEY and path not in declared}",
        (f"{OWNERSHIP}test_what_the_agent_wrote_is_never_touched",),
    ),
    Mutation(
        "starts before the holder of the port has stopped",
        "order.py",
        "frozenset(stops[other] for other in waits.stops.get(key, ()) if other in stops)",
        "frozenset()",
        (
            f"{ORDER}test_a_process_starts_after_the_stop_of_its_ports_holder",
            f"{ORDER}test_any_exchange_of_ports_is_one_pass",
        ),
    ),
    Mutation(
        "stops a running gateway before its files are written",
        "order.py",
        "        return own or a.operation in _FILES or a.operation is Operation.MAKE_DIRECTORY\n",
        "        return own\n",
        (f"{ORDER}test_a_file_that_cannot_be_written_leaves_what_runs_running",),
    ),
    Mutation(
        "ignores a pause",
        "block.py",
        "    if pause is None:\n",
        "    if pause is None or pause.wizard:\n",
        (f"{SAFETY}test_what_is_paused_has_changes_and_no_steps",),
    ),
    Mutation(
        "does not tell what is blocked to what needs it",
        "block.py",
        "    _spread(current, ports, desired)\n",
        "",
        (f"{SAFETY}test_what_needs_what_is_stuck_is_stuck_too",),
    ),
    Mutation(
        "deletes what the inventory does not hold: the agent's keys in a file that was there before us",
        "retire.py",
        "    ours = [path for path, _ in entry.fields if path[0] == KEY and path in live]\n",
        "    ours = [path for path in live if path[0] == KEY]\n",
        (f"{SAFETY}test_a_removed_wizard_that_was_there_before_us_loses_only_our_keys",),
    ),
    Mutation(
        "deletes files that were there before us",
        "retire.py",
        "            ours = entry.origin is Origin.CREATED and isinstance(fact, Present)\n",
        "            ours = isinstance(fact, Present)\n",
        (f"{SAFETY}test_a_removed_wizard_that_was_there_before_us_loses_only_our_keys",),
    ),
    Mutation(
        "moves a home that was there before us",
        "retire.py",
        "    return None if any(_within(entry, folder.resource) for entry in claimed) else folder.resource\n",
        "    return folder.resource\n",
        (f"{SAFETY}test_a_removed_wizard_that_was_there_before_us_loses_only_our_keys",),
    ),
    Mutation(
        "counts healing as restarts",
        "policy.py",
        "_COUNTED = frozenset({",
        "_COUNTED = frozenset({Cause.ORPHAN, Cause.ENDED, ",
        (f"{SAFETY}test_healing_is_not_counted",),
    ),
    Mutation(
        "refuses nothing",
        "policy.py",
        "    if len(beyond) > policy.max_deletions:\n",
        "    if len(beyond) > policy.max_deletions + 100:\n",
        (f"{SAFETY}test_one_deletion_beyond_the_policy_is_refused",),
    ),
    Mutation(
        "remembers a comparison although the fact is another one",
        "build.py",
        "old[1] is fact and ",
        "",
        (f"{CONVERGENCE}test_memory_never_changes_a_plan",),
    ),
    Mutation(
        "claims again and again",
        "diff.py",
        "    if recorded:\n        return None\n",
        "",
        (f"{OWNERSHIP}test_one_file",),
    ),
    Mutation(
        "goes back to what has failed",
        "generation.py",
        "(g for g in generations if not g.rejected and not same(g, quarantine))",
        "iter(generations)",
        (f"{TRUST}test_a_rollback_goes_past_what_failed",),
    ),
    Mutation(
        "tries a quarantined expansion again",
        "generation.py",
        "return same(one, now) if by_text else one.expansion == now.digest",
        "return not now",
        (f"{TRUST}test_what_failed_goes_back_to_the_byte_and_stays_there",),
    ),
    Mutation(
        "moves a codebase under all at once",
        "order.py",
        '            turns[member.split("/")[1]] |= steps\n',
        '            turns[member.split("/")[1]] -= steps\n',
        (f"{TRUST}test_a_codebase_moves_under_one_and_then_one_at_a_time_fathers_last",),
    ),
    Mutation(
        "takes a port before who may come back to it has held",
        "order.py",
        '        found[change.wizard or ""] = frozenset(last[giver] for giver in givers if giver in last)\n',
        '        found[change.wizard or ""] = frozenset()\n',
        (f"{PORTS}test_who_has_held_once_never_ends_without_a_way_back_and_a_mend_is_tried",),
    ),
    Mutation(
        "leaves behind who only went along",
        "rings.py",
        "        if not quarantines[name].follows\n        or any(",
        "        if True\n        or any(",
        (f"{PORTS}test_who_has_held_once_never_ends_without_a_way_back_and_a_mend_is_tried",),
    ),
    Mutation(
        "gives away what a quarantined wizard goes back to",
        "ports.py",
        "            if claim.kept:\n",
        "            if claim.kept and claim.key not in current:\n",
        (f"{PORTS}test_what_a_quarantined_wizard_goes_back_to_is_kept_for_it_also_while_it_is_down",),
    ),
    Mutation(
        "takes one with two names for two wizards",
        "ports.py",
        "    return body_key(change.wizard) if change and change.renaming and change.wizard else key\n",
        "    return key\n",
        (f"{PORTS}test_who_has_held_once_never_ends_without_a_way_back_and_a_mend_is_tried",),
    ),
    Mutation(
        "lets go back one of a ring alone",
        "rings.py",
        "    return frozenset(pushed_out(ring, moved, way))\n",
        "    return frozenset({failed})\n",
        (f"{PORTS}test_who_has_held_once_never_ends_without_a_way_back_and_a_mend_is_tried",),
    ),
    Mutation(
        "forgets those of a ring that have held already",
        "ports.py",
        "        return Waits(stops, gates, self._done(current))\n",
        "        return Waits(stops, gates, {})\n",
        (f"{PORTS}test_a_ring_goes_back_whole_wherever_it_was_killed",),
    ),
    Mutation(
        "follows a canary that failed",
        "behind.py",
        "if not self.proof.witnessed(codebase, one):",
        "if self.proof.witnessed(codebase, one):",
        (f"{TRUST}test_who_waits_for_a_failed_canary_waits_until_somebody_holds",),
    ),
    Mutation(
        "puts databases back although the new version has held",
        "canary.py",
        "entry is None or (start is not None and start.proven)",
        "entry is None",
        (f"{TRUST}test_a_gate_that_was_passed_counts_although_a_kill_kept_it_out_of_the_inventory",),
    ),
    Mutation(
        "takes what was healthy once for proof",
        "proof.py",
        "if generations and body_key(wizard) not in self.unsteady and self.arrived(wizard, codebase):",
        "if generations and body_key(wizard) not in self.unsteady:",
        (f"{TRUST}test_who_waits_for_a_failed_canary_waits_until_somebody_holds",),
    ),
    Mutation(
        "lets who moves alone owe nothing to the others",
        "canary.py",
        " or bool(owed - {first})",
        "",
        (f"{TRUST}test_a_paused_canary_keeps_the_others_waiting_and_a_paused_leaf_is_passed_over",),
    ),
    Mutation(
        "forgets a soak that is owed",
        "canary.py",
        "    return start is not None and start.soaks and not moves(change)\n",
        "    return False\n",
        (f"{TRUST}test_a_soak_that_is_owed_comes_before_anybody_follows",),
    ),
    Mutation(
        "never tires of a fight",
        "repeat.py",
        "repeat.count < LIMIT",
        "repeat.count < LIMIT + 1",
        (f"{TRUST}test_the_same_change_stops_after_three_passes",),
    ),
    Mutation(
        "leaves down who can't be what Git declares",
        "stand_in.py",
        "    if _down(name",
        "    if False and _down(name",
        (f"{STAND_IN}test_whoever_waits_behind_a_canary_runs_again_when_it_went_down",),
    ),
    Mutation(
        "leaves who waits with the old text of a secret",
        "stand_in.py",
        " or _runs(process, scene.observed))",
        ")",
        (f"{STAND_IN}test_a_secret_that_changes_reaches_whoever_has_it_and_nobody_else",),
    ),
    Mutation(
        "leaves down who can't get its new name",
        "as_before.py",
        "    if lives and not asked:",
        "    if not asked:",
        (f"{STAND_IN}test_one_that_can_not_get_its_new_name_runs_under_the_old_one",),
    ),
    Mutation(
        "holds a stand-in back like what it stands in for",
        "proof.py",
        " or name in self.desired.standing",
        "",
        (f"{STAND_IN}test_whoever_waits_behind_a_canary_runs_again_when_it_went_down",),
    ),
    Mutation(
        "takes one that runs under its old name for one that is down",
        "stand_in.py",
        "one.new == name and one.stored)]",
        "False)]",
        (f"{STAND_IN}test_one_that_runs_under_its_old_name_is_not_down",),
    ),
    Mutation(
        "takes everything back with a stand-in",
        "stand_in.py",
        "    yield from (now.pop(key, resource) for key",
        "    yield from (resource for key",
        (f"{STAND_IN}test_what_need_not_wait_is_as_git_declares_it",),
    ),
)
