"""One pass, as a sentence: fetch -> load -> expand -> observe -> plan -> apply -> observe again -> record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reconciler.engine.allow import allowances
from reconciler.engine.apply import Applied, Apply
from reconciler.engine.arrivals import Arrivals
from reconciler.engine.demand import NOTHING, Demand, Scene, foreseen, obey, widened
from reconciler.engine.desired import DesiredState, InvalidFleet, Wanted
from reconciler.engine.health import Prober
from reconciler.engine.host import Host
from reconciler.engine.journal import resolve
from reconciler.engine.observe import Observer
from reconciler.engine.record import Recorder
from reconciler.engine.report import Planned, Report
from reconciler.engine.request import Request, rollback
from reconciler.engine.saved import compare
from reconciler.engine.status import Seen, host_status, iso
from reconciler.engine.tries import Tries
from reconciler.engine.trust import Trust
from reconciler.errors import Interrupted, ReconcilerError, Refused, Terminal
from reconciler.plan.build import Memory, Rules, build
from reconciler.plan.expand import Desired
from reconciler.plan.fields import secrets_of
from reconciler.plan.formerly import renamed
from reconciler.plan.held import Records
from reconciler.plan.resource import Process
from reconciler.plan.status import HostStatus
from reconciler.plan.unproven import moved_starts
from reconciler.protocols.events import Progress, Stage
from reconciler.protocols.ledger import Result
from reconciler.render.wording import summary_line

APPLIED = "applied-commit"
"""The last commit of which nothing was left to do."""
RAN = "ran-commit"
"""The last commit that a whole pass was made for, whatever came of it."""


class Reconciler:
    """Reconciles one host. Keep one for the life of a daemon: it remembers what did not change."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._desired = DesiredState(host)
        self._observer = Observer(host)
        self._memory = Memory()
        self._trust = Trust(host)
        self._recorder = Recorder(host)
        self._last: tuple[Planned, Report] | None = None
        self._problems_then: dict[str, str] = {}
        self._arrivals = Arrivals(host)
        self._renamed: tuple[Desired, Records, Records] | None = None
        self._fallback: tuple[tuple[str, str], Wanted] | None = None
        self._fetched: tuple[Wanted, ReconcilerError | None] | None = None
        self._tries = Tries(host)
        self.attempted = ""
        """The commit that the last pass was to work from, also when it can't be used; "" when none is to blame."""
        self.prober = Prober(host)

    def plan(self, request: Request) -> Planned:
        """The plan of the request. Changes nothing on the host."""
        return self._look(self._wanted(request), request)

    def status(self, *, fetch: bool = True) -> HostStatus:
        """Desired beside observed, probed now. Changes nothing on the host.

        Without `fetch`, what was last fetched is used. When the tip is not valid, the last good commit is shown, and
        a notice says so.
        """
        last = None if fetch else self._desired.last()
        wanted = last or self._best(Request())[0]
        planned = self._look(wanted, Request())
        self._probe(planned)
        return self._status(planned, self._recorder.last())

    def _best(self, request: Request) -> tuple[Wanted, ReconcilerError | None]:
        """What the branch's tip wants; where that can't be used, what the last good commit wants, and the trouble.

        A broken commit or a refused force-push must not leave crashed wizards down. A notice says what is shown.
        """
        if not request.fetch and self._fetched is not None:
            return self._fetched
        self.attempted = ""
        try:
            wanted = self._wanted(request)
        except (Terminal, Refused) as error:
            self.attempted = self._blamed(error)
            good = self._host.source.last_good()
            if request.files is not None or request.saved or good is None:
                raise
            if self._fallback is None or self._fallback[0] != (good, str(error)):
                notice = f"{error}; until that is mended, the last good commit {good[:7]} stays in force"
                wanted = self._desired.at(good)
                self._fallback = ((good, str(error)), replace(wanted, notices=(notice, *wanted.notices)))
            self._fetched = (self._fallback[1], error)
            return self._fetched
        self.attempted = wanted.desired.commit
        if request.files is None:
            self._fetched = (wanted, None)
        return wanted, None

    def _blamed(self, error: ReconcilerError) -> str:
        """The commit that can't be used; a force-push that is refused is no fault of the commit that stays."""
        if isinstance(error, InvalidFleet):
            return error.commit
        return self._host.source.tip() or "" if isinstance(error, Terminal) else ""

    def run(self, request: Request, cancelled: Callable[[], bool] = lambda: False) -> Report:
        """One whole pass.

        Raises Refused for a plan beyond the policy, after having recorded it; nothing is changed then. When the tip
        can't be used, the pass is made for the last good commit, and then the trouble is raised. Raises Interrupted
        when `cancelled` said so before the end; the next pass goes on.
        """
        wanted, trouble = self._best(request)
        commit = wanted.desired.commit
        self._host.progress(Progress(Stage.FETCHED, commit), f"working from {commit[:7]}")
        if trouble is not None:
            commit = trouble.commit if isinstance(trouble, InvalidFleet) else wanted.desired.commit
            self._recorder.rejected(commit, request.trigger, str(trouble))
        resolve(self._host, self._observer)
        planned = self._look(wanted, request)
        self._permit(planned, request)
        applied = self._apply(planned, request, cancelled)
        if applied.cut_short and cancelled():
            raise Interrupted("the pass was stopped before its end; the next one goes on")
        after = self._again(planned, request) if applied.outcomes else planned
        report = self._record(planned, applied, after)
        if trouble is not None:
            raise trouble
        return report

    def roll_back(self, wizard: str) -> Report:
        """One pass that puts the wizard back to its last other generation, until a commit changes it.

        Raises Terminal when there is no such wizard, no earlier generation, or when it has gone back already; Refused
        when it is paused.
        """
        return self.run(rollback(wizard))

    @property
    def latest(self) -> tuple[Planned, Report] | None:
        """What the last whole pass saw at its end, and what it reported then; None before the first."""
        return self._last

    def next_try(self) -> float | None:
        """Seconds until something that could not be done is due again; None when nothing waits for that."""
        return self._tries.next()

    def _again(self, planned: Planned, request: Request) -> Planned:
        """The second look: what is still different once the plan has been applied."""
        rules = Rules(only=planned.rules.only)
        return self._look(planned.wanted, replace(request, rules=rules, saved=None, demand=NOTHING))

    def _wanted(self, request: Request) -> Wanted:
        if request.files is not None:
            return self._desired.uncommitted(request.files)
        return self._desired.fetch()

    def _look(self, wanted: Wanted, request: Request, begun: frozenset[str] = frozenset()) -> Planned:
        """observe -> plan. Wizards of which something was `begun` are planned although they were paused since."""
        records = self._records(wanted.desired)
        if begun & records.pauses.keys():
            records = replace(records, pauses={n: p for n, p in records.pauses.items() if n not in begun})
        asked = request.saved.rules if request.saved else request.rules
        if request.demand:
            before, records = records, self._foreseen(request.demand, records, wanted.desired)
            asked = replace(asked, only=widened(asked.only, before, records))
        wants = self._trust.effective(wanted.desired, records)
        observed = self._observer.observe(wants.desired, records, reread=request.reread)
        if self.prober.due():
            self.prober.refresh(_bodies(wants.desired, records), observed.facts)
        silent = self.prober.silent(observed.facts)
        resting = self._tries.resting(wanted.desired.commit) if request.patient else {}
        if silent or resting:
            observed = replace(observed, silent=silent, resting=resting)
        rules = asked if request.files is not None else self._allowed(asked, wanted)
        plan = build(wants.desired, observed, records, rules, self._memory, wants.quarantined)
        told = self._arrivals.told(wanted, observed, records) if plan.changes else ()
        arrivals = tuple((name, text) for name, text in told if name in plan.wizards)
        if wanted.notices or arrivals:
            plan = replace(plan, warnings=(*wanted.notices, *(text for _, text in arrivals), *plan.warnings))
        return Planned(plan, wanted, wants.desired, observed, records, asked, wants.quarantined, arrivals)

    def _foreseen(self, demand: Demand, records: Records, desired: Desired) -> Records:
        now = iso(self._host.clock.now())
        wanted = self._trust.effective(desired, records).desired
        return foreseen(demand, records, Scene(desired, wanted, self._trust.expansion, now))

    def _records(self, desired: Desired) -> Records:
        """What the ledger knows, under the names that Git uses now; the same object while nothing changes."""
        records, last = self._host.ledger.records(), self._renamed
        if last is None or last[0] is not desired or last[1] is not records:
            self._renamed = last = (desired, records, renamed(desired, records))
        return last[2]

    def _allowed(self, rules: Rules, wanted: Wanted) -> Rules:
        """What the caller allows, and what the trailers of the commits not applied yet allow.

        A deletion is allowed until it is done, a number of restarts for one pass.
        """
        commit, applied = wanted.desired.commit, self._host.ledger.get(APPLIED)
        if applied == commit:
            return rules
        source, ran = self._host.source, self._host.ledger.get(RAN)
        fresh = () if ran == commit else source.since(ran or applied or "", commit)
        return allowances(rules, source.since(applied or "", commit), fresh, self._desired.declares)

    def _permit(self, planned: Planned, request: Request) -> None:
        """Refuses what is stale or beyond the policy, and says so in history and status."""
        if request.saved:
            if request.saved.commit != planned.plan.commit:
                moved = f"{request.saved.commit[:7]} to {planned.plan.commit[:7]}"
                raise Refused(f"the saved plan is stale: the branch moved from {moved}", mend="plan again")
            compare(request.saved, planned.plan, planned.records, self._host.secrets.digest)
        if planned.plan.refusals:
            what = "; ".join(f"{refusal.what}: {refusal.mend}" for refusal in planned.plan.refusals)
            self._recorder.rejected(planned.plan.commit, request.trigger, what)
            self._probe(planned)
            self._recorder.publish(self._status(planned, f"refused: {what}"))
            raise Refused(f"the plan is refused whole: {what}")

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
            applied = self._steps(planned, pass_id, cancelled)
        except BaseException as error:
            words = str(error) if isinstance(error, ReconcilerError) else f"bug: {type(error).__name__}"
            self._host.ledger.finish(pass_id, Result.INTERRUPTED, words)
            raise
        self._trust.count(planned.plan, applied, planned.records, planned.rules.only)
        self._host.ledger.finish(pass_id, applied.result, self._recorder.summary(planned.plan, applied))
        return applied

    def _steps(self, planned: Planned, pass_id: int, cancelled: Callable[[], bool]) -> Applied:
        """Applies the plan, and in the same pass the way back of every wizard that failed on it."""
        self._host.progress(Progress(Stage.PLANNED, plan=planned.plan), summary_line(planned.plan))
        applied = Apply(self._host, planned.plan, pass_id, cancelled).run()
        self._tries.count(planned.plan.commit, applied)
        failed = self._trust.quarantine(planned.plan, planned.wanted.desired, applied, pass_id)
        if not failed:
            return applied
        back = self._look(planned.wanted, Request(rules=Rules(only=failed)), begun=failed)
        self._host.progress(Progress(Stage.PLANNED, plan=back.plan), f"the way back: {summary_line(back.plan)}")
        done = Apply(self._host, back.plan, pass_id, cancelled, failed).run()
        return Applied(applied.outcomes + done.outcomes, failed)

    def _record(self, planned: Planned, applied: Applied, after: Planned) -> Report:
        self._accept(planned, applied, after)
        touched = {outcome.step.wizard for outcome in applied.outcomes if outcome.step.wizard}
        generations = self._host.ledger.records().generations
        self._trust.remember(after.desired, after.observed, after.plan, touched)
        if self._host.ledger.records().generations != generations:
            self._host.secrets.prune(secrets_of(self._host.ledger.records()))
        report = self._settled(planned, applied)
        if report:
            return report
        self._probe(after)
        self._problems_then = self._problems()
        status = self._status(after, self._recorder.summary(planned.plan, applied))
        notice = self._recorder.publish(status)
        self._host.progress(Progress(Stage.RECORDED), notice or "recorded")
        notices = (*planned.wanted.notices, *((notice,) if notice else ()))
        unsigned = planned.wanted.unsigned
        stuck = after.stuck()
        self._last = (after, Report(after.plan, Applied(()), after.plan, status, notices, unsigned, stuck))
        return Report(planned.plan, applied, after.plan, status, notices, unsigned, stuck)

    def _accept(self, planned: Planned, applied: Applied, after: Planned) -> None:
        """Remembers how far this commit has come: run, good (what could be done held), applied (nothing is left)."""
        commit, ledger = planned.plan.commit, self._host.ledger
        if planned.rules.only:
            return
        if ledger.get(RAN) != commit:
            ledger.put(RAN, commit)
        good = applied.result is Result.DONE and not after.plan.pending and not after.plan.quarantined
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
        same = same and self._problems() == self._problems_then
        return report if same and seen.observed.facts == planned.observed.facts else None

    def _problems(self) -> dict[str, str]:
        """What each gateway said when it was last asked."""
        return {key: reading.problem for key, reading in self.prober.readings.items()}

    def _probe(self, planned: Planned) -> None:
        self.prober.refresh(_bodies(planned.desired, planned.records), planned.observed.facts)

    def _status(self, planned: Planned, result: str, notices: tuple[str, ...] = ()) -> HostStatus:
        seen = Seen(
            planned.wanted,
            planned.desired,
            planned.observed,
            planned.records,
            planned.plan,
            self.prober.readings,
            planned.quarantined,
        )
        return host_status(self._host, seen, result, notices)


def _bodies(desired: Desired, records: Records) -> list[Process]:
    """The processes of this host as they were last started, which is where they answer; else as they are wanted."""
    held = {key: entry.resource for key, entry in records.held.items() if isinstance(entry.resource, Process)}
    wanted = {r.key: r for r in desired.resources if isinstance(r, Process)}
    return list({**wanted, **held}.values())
