"""How quarantine, canary and moving codebases read."""

from __future__ import annotations

from dataclasses import replace

from reconciler.plan.change import Cause, FieldChange, Operation, Plan
from reconciler.plan.codebases import CODEBASE
from reconciler.plan.needs import needs
from reconciler.plan.value import known
from reconciler.render.history import HistoryLine, history_text, why_text
from reconciler.render.plan_markdown import plan_markdown
from reconciler.render.plan_text import plan_text
from reconciler.render.status_json import status_document
from reconciler.render.status_markdown import status_markdown
from reconciler.render.status_text import status_text
from reconciler.render.wording import summary_line
from tests.plan.test_plan_trust import fail, moving, plan_of
from tests.render import hosts

WHY = "commit 1a2b3c4 failed here: deaf; generation 4 (commit 5d6e7f8) is wanted instead"


def lines_about(text: str, what: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if what in line]


def test_a_moving_codebase_is_named_by_name_and_version_with_its_turn() -> None:
    host, new = moving({"ada": "di"})
    text = plan_text(plan_of(host, new))
    assert lines_about(text, "restart wizard/") == [
        "! restart wizard/ada/body (codebase hermes-old/0.18.2 -> hermes/0.19.0, canary first, commit bbbbbbb)",
        "! restart wizard/bo/body (codebase hermes-old/0.18.2 -> hermes/0.19.0, after ada, commit bbbbbbb)",
        "! restart wizard/cy/body (codebase hermes-old/0.18.2 -> hermes/0.19.0, after bo, commit bbbbbbb)",
        "! restart wizard/di/body (codebase hermes-old/0.18.2 -> hermes/0.19.0, after cy, commit bbbbbbb)",
    ]


def test_what_follows_from_a_moving_codebase_is_left_out_of_its_reasons() -> None:
    moved = FieldChange(CODEBASE, known("/srv/.codebases/hermes/1"), known("/srv/.codebases/hermes/2"), Cause.CHANGED)
    argv = FieldChange(("argv",), known(["/x/1", "run"]), known(["/x/2", "run", "--more"]), Cause.CHANGED)
    port = FieldChange(("config.yaml", "port"), known(1), known(2), Cause.CHANGED)
    assert [reason.text for reason in needs((argv, moved, port))] == ["codebase hermes/1 -> hermes/2", "port 1 -> 2"]
    assert len(needs((argv, port))) == 2


def test_a_way_back_names_the_generation_and_not_the_commit_that_failed() -> None:
    host, new = moving({})
    host.apply(plan_of(host, new), fails=lambda step: step.operation is Operation.GATE)
    assert "wizard/ada/body" not in host.processes  # stopped by the gate that it failed
    fail(host, new, ["ada"])
    plan = plan_of(host, new)
    text = plan_text(plan)
    (start,) = lines_about(text, "start wizard/ada/body")
    assert "codebase hermes/0.19.0 -> hermes-old/0.18.2" in start
    assert start.endswith("back to generation 1 (commit aaaaaaa); databases are put back)")
    assert "commit bbbbbbb" not in start
    assert "Databases of a version that never held go back to what they were: ada." in text
    assert "Databases of a version that never held" in plan_markdown(plan)
    assert "Quarantined: ada: commit bbbbbbb failed here: deaf; generation 1" in text
    assert "Quarantined: ada" in plan_markdown(plan)


def test_a_host_with_a_quarantine_does_not_match_its_commit() -> None:
    plan = Plan("vps", "1a2b3c4" * 5, (), (), quarantined=(("ezra", WHY),), wizards=("allegro", "ezra"))
    assert summary_line(plan) == "Nothing to apply. Quarantined: ezra."


def test_status_says_what_is_quarantined_and_what_runs_instead() -> None:
    wizard = replace(hosts.ALLEGRO, quarantined=WHY, generation=4)
    status = replace(hosts.SETTLED, wizards=(wizard, hosts.PRIMUS))
    assert not wizard.settled
    assert f"    quarantined: {WHY}" in status_text(status)
    assert "generation" not in status_text(hosts.SETTLED)
    assert "    generation: 4" in status_text(status, verbose=True)
    assert f"- Quarantined: {WHY}" in status_markdown(status).replace("`", "")
    (document, _) = status_document(status, volatile=False)["wizards"]  # type: ignore[misc, union-attr]
    assert (document["quarantined"], document["generation"], document["settled"]) == (WHY, 4, False)  # type: ignore[index, call-overload]


def line(operation: str, reason: str, detail: str = "", action: str = "restart") -> HistoryLine:
    return HistoryLine(
        1,
        "2026-04-01T08:00:00",
        "ezra",
        "wizard/ezra/body",
        operation,
        action,
        "5d6e7f8" * 5,
        reason,
        (),
        "done",
        detail,
    )


def test_history_tells_a_move_and_its_way_back_as_two_things() -> None:
    newest_first = [
        line("gate", "is not running; back to generation 4 (commit 1a2b3c4)", "held 10 s as pid 7", "start"),
        line(
            "put databases back", "is not running; back to generation 4 (commit 1a2b3c4)", "put back state.db", "start"
        ),
        line("told", f"quarantined: {WHY}", action="told"),
        line("copy databases", "codebase h/1 -> h/2; canary first", "copied state.db"),
        line("stop", "codebase h/1 -> h/2; canary first", "stopped (exit code 0)"),
    ]
    text = why_text("ezra", newest_first)
    assert text.splitlines()[1:-2] == [
        "2026-04-01T08:00:00  ! restart wizard/ezra/body  (codebase h/1 -> h/2; canary first, commit 5d6e7f8)",
        "      stop done: stopped (exit code 0)",
        "      copy databases done: copied state.db",
        f"2026-04-01T08:00:00  quarantined: {WHY}",
        "2026-04-01T08:00:00  ! start wizard/ezra/body  (is not running; back to generation 4 (commit 1a2b3c4))",
        "      put databases back done: put back state.db",
        "      gate done: held 10 s as pid 7",
    ]
    assert f"  ezra quarantined: {WHY}" in history_text([replace(hosts.PASSES[0], pass_id=1)], newest_first)
