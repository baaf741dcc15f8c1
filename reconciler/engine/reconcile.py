"""One pass, as a sentence: fetch -> load -> expand -> observe -> plan -> apply -> observe again -> record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from reconciler.engine.allow import APPLIED, Allowances
from reconciler.engine.apply import Applied
from reconciler.engine.arrivals import Arrivals
from reconciler.engine.carry_out import CarryOut
from reconciler.engine.demand import NOTHING, Demand, Scene, foreseen, obey, widened
from reconciler.engine.desired import DesiredState, InvalidFleet, Wanted
from reconciler.engine.health import Prober, bodies
from reconciler.engine.host import Host
from reconciler.engine.in_force import RAN, InForce
from reconciler.engine.journal import resolve
from reconciler.engine.observe import Observer
from reconciler.engine.outlook import Outlook
from reconciler.engine.record import Recorder
from reconciler.engine.report import Planned, Report
from reconciler.engine.request import Request, rollback
from reconciler.engine.saved import compare
from reconciler.engine.standing import Standing, beyond, refusal_of
from reconciler.engine.status import host_status, iso, seen_of
from reconciler.engine.tries import Tries
from reconciler.engine.trust import Trust
from reconciler.engine.unusable import unusable_status
from reconciler.errors import Interrupted, ReconcilerError, Refused, Terminal
from reconciler.plan.build import Rules
from reconciler.plan.expand import Desired
from reconciler.plan.fields import secrets_of
from reconciler.plan.formerly import renamed
from reconciler.plan.held import Records
from reconciler.plan.status import HostStatus
from reconciler.plan.unproven import moved_starts
from reconciler.protocols.events import Level, Progress, Stage
from reconciler.protocols.ledger import Result


class Reconciler:
    """Reconciles one host. Keep one for the life of a daemon: it remembers what did not change."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._desired = DesiredState(host)
        self._observer = Observer(host)
        self._trust = Trust(host)
        self._recorder = Recorder(host)
        self._last: tuple[Planned, Report] | None = None
        self._problems_then: dict[str, str] = {}
        self._arrivals = Arrivals(host)
        self._renamed: tuple[Desired, Records, Records] | None = None
        self._in_force = InForce(host, self._desired)
        self._unusable: tuple[Planned, Report] | None = None
        self._tries = Tries(host)
        self._allowances = Allowances(host, self._desired.declares)
        self._standing = Standing(self._in_force, self._desired, self._look)
        self.prober = Prober(host)
        self._outlook = Outlook(self._observer, self._trust, self.prober, self._tries)
        self._carry_out = CarryOut(host, self._trust, self._tries, self._look)

    def plan(self, request: Request) -> Planned:
        """The plan of the request. Changes nothing on the host."""
        return self._standing.look(self._in_force.wanted(request), request)[0]

    def status(self, *, fetch: bool = True) -> HostStatus:
        """Desired beside observed, probed now. Changes nothing on the host.

        Without `fetch`, what was last fetched is used. When the tip is not valid, the commit in force is shown, and
        a notice says so; where none may be used, the wizards as they were left. Raises the trouble when there are none.
        """
        try:
            wanted = self._in_force.find(Request(fetch=fetch))[0]
        except (Terminal, Refused) as error:
            status = unusable_status(self._host, self._observer, self.prober, error)
            if not status.wizards:
                raise
            return status
        planned = self._look(wanted, Request())
        self._probe(planned)
        return self._status(planned, self._recorder.last())

    def run(self, request: Request, cancelled: Callable[[], bool] = lambda: False) -> Report:
        """One whole pass.

        Raises Refused for a plan beyond the policy, after having recorded it; nothing of it is applied then. When the
        tip can't be used or its plan is refused, the pass is made for the commit that stays in force, and then the
        trouble is raised, or is a notice where a person has asked for something by name. Where there is no such commit,
        nothing is done but to say so in the status. Raises Interrupted when `cancelled` said so before the end.
        """
        try:
            wanted, trouble = self._in_force.find(request)
        except (Terminal, Refused) as error:
            if request.files is None and not request.saved:
                self._say_unusable(error)
            raise
        commit = wanted.desired.commit
        self._host.progress(Progress(Stage.FETCHED, commit), f"working from {commit[:7]}")
        if trouble is not None:
            commit = trouble.commit if isinstance(trouble, InvalidFleet) else wanted.desired.commit
            self._recorder.rejected(commit, request.trigger, str(trouble))
        resolve(self._host, self._observer)
        planned, refused = self._standing.look(wanted, request)
        if refused is not None:
            self._recorder.rejected(refused.commit, request.trigger, beyond(refused))
            self._in_force.attempted = ""  # what becomes of the request says nothing of that commit
        planned, refusal = self._permit(planned, request)
        trouble = trouble or refusal
        self._allowances.spend(planned)
        self._in_force.begin(planned, request)
        applied = self._apply(planned, request, cancelled)
        if applied.cut_short and cancelled():
            raise Interrupted("the pass was stopped before its end; the next one goes on")
        after = self._again(planned, request) if applied.outcomes else planned
        if trouble is None and refused is None:
            self._trust.lift(wanted.desired)
        report = self._record(planned, applied, after)
        if trouble is not None and not request.by_name:
            raise trouble
        return report

    def roll_back(self, wizard: str) -> Report:
        """One pass that puts the wizard back to its last other generation, until a commit changes it.

        Raises Terminal when there is no such wizard or nothing to go back to; Refused when it is paused.
        """
        return self.run(rollback(wizard))

    @property
    def attempted(self) -> str:
        """The commit that the last pass was to work from, also when it can't be used; "" when none is to blame."""
        return self._in_force.attempted

    @property
    def latest(self) -> tuple[Planned, Report] | None:
        """What the last whole pass saw and reported, None before it; the status is of now while nothing is used."""
        return self._last or self._unusable

    def _say_unusable(self, error: ReconcilerError) -> None:
        """Publishes that nothing may be used, when this host has ever been kept like some commit."""
        status = unusable_status(self._host, self._observer, self.prober, error)
        if self.latest is not None:
            seen, report = self.latest
            self._last, self._unusable = None, (seen, replace(report, status=status))
        if status.wizards or self._host.ledger.get(RAN):
            notice = self._recorder.publish(status)
            if notice:
                self._host.say(notice, level=Level.WARNING)

    def next_try(self) -> float | None:
        """Seconds until something that could not be done is due again; None when nothing waits for that."""
        return self._tries.next()

    def _again(self, planned: Planned, request: Request) -> Planned:
        """The second look: what is still different once the plan has been applied."""
        rules = Rules(only=planned.rules.only)
        return self._look(planned.wanted, replace(request, rules=rules, saved=None, demand=NOTHING))

    def _look(
        self,
        wanted: Wanted,
        request: Request,
        begun: frozenset[str] = frozenset(),
        missed: Mapping[str, str] = MappingProxyType({}),
    ) -> Planned:
        """observe -> plan. Wizards of which something was `begun` are planned although they were paused since. What was
        `missed` just now, and why, is in the way."""
        records = self._records(wanted.desired)
        if begun & records.pauses.keys():
            records = replace(records, pauses={n: p for n, p in records.pauses.items() if n not in begun})
        asked = request.saved.rules if request.saved else request.rules
        if request.demand:
            before, records = records, self._foreseen(request.demand, records, wanted)
            asked = replace(asked, only=widened(asked.only, before, records))
        rules = asked if request.files is not None else self._allowances.add(asked, wanted.desired.commit)
        wants, observed, plan = self._outlook.look(wanted.desired, records, request, rules, missed, begun)
        asked = replace(asked, only=asked.only | frozenset(plan.wizards)) if asked.only else asked
        told = self._arrivals.told(wanted, observed, records) if plan.changes else ()
        arrivals = tuple((name, text) for name, text in told if name in plan.wizards)
        if wanted.notices or arrivals:
            plan = replace(plan, warnings=(*wanted.notices, *(text for _, text in arrivals), *plan.warnings))
        return Planned(
            plan, wanted, wants.desired, observed, records, asked, wants.quarantined, arrivals, wants.standing
        )

    def _foreseen(self, demand: Demand, records: Records, wanted: Wanted) -> Records:
        now, desired = iso(self._host.clock.now()), wanted.desired
        effective = self._trust.effective(desired, records).desired
        return foreseen(demand, records, Scene(desired, effective, self._trust.expansion, now, wanted.refused))

    def _records(self, desired: Desired) -> Records:
        """What the ledger knows, under the names that Git uses now; the same object while nothing changes."""
        records, last = self._host.ledger.records(), self._renamed
        if last is None or last[0] is not desired or last[1] is not records:
            self._renamed = last = (desired, records, renamed(desired, records))
        return last[2]

    def _permit(self, planned: Planned, request: Request) -> tuple[Planned, Refused | None]:
        """What may be applied: the plan; where that is beyond the policy, which history and status say, the plan of the
        commit in force, beside the refusal.

        Raises Refused for what is stale, and for what is beyond the policy where nothing is to be applied instead.
        """
        if request.saved:
            if request.saved.commit != planned.plan.commit:
                moved = f"{request.saved.commit[:7]} to {planned.plan.commit[:7]}"
                raise Refused(f"the saved plan is stale: the branch moved from {moved}", mend="plan again")
            compare(request.saved, planned.plan, planned.records, self._host.secrets.digest)
        if not planned.plan.refusals:
            return planned, None
        what, refusal = beyond(planned.plan), refusal_of(planned.plan)
        self._recorder.rejected(planned.plan.commit, request.trigger, what)
        instead = self._standing.plan(planned, request) if request.plain else None
        if instead is None:
            whole = self._look(planned.wanted, Request()) if planned.rules.only else planned
            self._probe(whole)
            self._recorder.publish(self._status(whole, f"refused: {what}"))
            raise refusal
        return instead, refusal

    def _apply(self, planned: Planned, request: Request, cancelled: Callable[[], bool]) -> Applied:
        told = self._host.runtime.unplanned()
        if not planned.plan.steps and not told and not request.demand:
            if planned.records.repeats:
                self._trust.count(planned.plan, Applied(()), planned.records, planned.rules.only)
            return Applied(())
        commit = planned.plan.commit
        pass_id = self._host.ledger.begin(commit, request.trigger)
        self._recorder.tell(pass_id, commit, told)
        self._recorder.arrive(pass_id, planned.plan, planned.arrivals)
        obey(self._host, request.demand, self._host.ledger.records(), planned.records, pass_id, commit)
        try:
            applied = self._carry_out.run(planned, pass_id, cancelled)
        except BaseException as error:
            words = str(error) if isinstance(error, ReconcilerError) else f"bug: {type(error).__name__}"
            self._host.ledger.finish(pass_id, Result.INTERRUPTED, words)
            raise
        self._host.ledger.finish(pass_id, applied.result, self._recorder.summary(planned.plan, applied))
        return applied

    def _record(self, planned: Planned, applied: Applied, after: Planned) -> Report:
        self._accept(planned, applied, after)
        touched = {outcome.step.wizard for outcome in applied.outcomes if outcome.step.wizard}
        generations = self._host.ledger.records().generations
        self._trust.remember(after, touched)
        if self._host.ledger.records().generations != generations:
            self._host.secrets.prune(secrets_of(self._host.ledger.records()))
        report = self._settled(planned, applied)
        if report:
            return report
        # A status is of the whole host, also after a pass for some wizards.
        whole = self._look(planned.wanted, Request()) if after.rules.only else after
        self._probe(whole)
        self._problems_then = self.prober.problems()
        status = self._status(whole, self._recorder.summary(planned.plan, applied))
        notice = self._recorder.publish(status)
        self._host.progress(Progress(Stage.RECORDED), notice or "recorded")
        notices = (*planned.wanted.notices, *((notice,) if notice else ()))
        unsigned = planned.wanted.unsigned
        self._last = (whole, Report(whole.plan, Applied(()), whole.plan, status, notices, unsigned, whole.stuck()))
        return Report(planned.plan, applied, after.plan, status, notices, unsigned, after.stuck())

    def _accept(self, planned: Planned, applied: Applied, after: Planned) -> None:
        """Remembers how far this commit has come: in force (no pass refuses it), good (what could be done held) and
        applied (nothing is left). A quarantine does not count: it keeps what failed away, whatever commit it is."""
        commit, ledger = planned.plan.commit, self._host.ledger
        if planned.rules.only:
            return
        if not after.plan.refusals and ledger.get(RAN) != commit:
            ledger.put(RAN, commit)
        held = all(o.result is Result.DONE or o.step.wizard in after.quarantined for o in applied.outcomes)
        good = held and not after.plan.pending
        if good:
            self._host.source.accept(commit)
        if good and not after.plan.waiting and ledger.get(APPLIED) != commit:
            ledger.put(APPLIED, commit)
        for key, start in moved_starts(after.plan, after.observed, after.records):
            ledger.started(key, start)

    def _settled(self, planned: Planned, applied: Applied) -> Report | None:
        """The last report, when this pass did nothing and saw nothing new and the status heartbeat is not due."""
        if self._last is None or applied.outcomes or self._recorder.due():
            return None
        seen, report = self._last
        same = seen.wanted is planned.wanted and seen.records is planned.records and seen.plan == planned.plan
        same = same and self.prober.problems() == self._problems_then
        return report if same and seen.observed.facts == planned.observed.facts else None

    def _probe(self, planned: Planned) -> None:
        self.prober.refresh(bodies(planned.desired, planned.records), planned.observed.facts)

    def _status(self, planned: Planned, result: str) -> HostStatus:
        return host_status(self._host, seen_of(planned, self.prober.readings), result)
