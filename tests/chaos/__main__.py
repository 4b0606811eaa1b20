"""`python -m chaos`: runs the system under load and faults, then lets the checker judge what was seen."""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from chaos.checker import check
from chaos.disks import MEBIBYTE
from chaos.evidence import Evidence
from chaos.faults import KINDS, Planned, Step, kinds_for, plan
from chaos.final import gather_final_state
from chaos.history import Call, Fault, History, Process, Record, Setup, write_history
from chaos.judge_service import growths
from chaos.members import ACCOUNTS_MIX, hire_members
from chaos.people import People
from chaos.recovery import Canary
from chaos.replicas import replica_of_calls
from chaos.resources import sampled
from chaos.system import PICTURE_GRACE_SECONDS, Size, System
from chaos.workload import MIX, Workload
from servers.process import CHECKOUT, is_setting
from servers.stack import s3_server_names

RESULTS = CHECKOUT / "test-results" / "chaos"
_QUIET_SECONDS = 3.0
_WARM_UP_SECONDS = 3.0


def main() -> int:
    """Runs the proof. Returns the exit status: 0 when nothing is wrong."""
    arguments = _arguments()
    arguments.results = arguments.results or RESULTS / arguments.auth
    for name in filter(is_setting, list(os.environ)):
        del os.environ[name]
    results: Path = arguments.results
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    print(
        f"chaos: {arguments.auth}, seed {arguments.seed}, {arguments.minutes:g} minutes; "
        f"history and logs in {results}",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="knote-chaos-", ignore_cleanup_errors=True) as folder:
        run = Run(arguments, Path(folder))
        return asyncio.run(run.run())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=random.randrange(2**31), help="of all that is left to chance"
    )
    parser.add_argument("--minutes", type=float, default=5, help="how long there are faults (5)")
    parser.add_argument("--workers", type=int, default=20, help="how many clients (20)")
    parser.add_argument("--replicas", type=int, default=10, help="how many API processes (10)")
    parser.add_argument(
        "--s3", choices=s3_server_names(), default=Size().s3, help=f"the object store ({Size().s3})"
    )
    parser.add_argument("--faults", default="", help=f"only these, by comma: {', '.join(KINDS)}")
    parser.add_argument(
        "--auth",
        choices=("open", "accounts"),
        default="open",
        help="one notebook for all clients (open), or one for each of some users (accounts)",
    )
    parser.add_argument("--users", type=int, default=4, help="how many users there are then, 2 to 4 (4)")
    parser.add_argument("--results", type=Path, help="folder for history and logs, made anew")
    return parser.parse_args()


class Run:
    """One run."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self._arguments = arguments
        size = Size(replicas=arguments.replicas, s3=arguments.s3, auth=arguments.auth)
        self._system = System(folder, arguments.results / "logs", size, seed=arguments.seed)
        self._people = People(arguments.users) if arguments.auth == "accounts" else None
        self._calls: list[Call] = []
        self._faults: list[Fault] = []
        self._processes: list[Process] = []
        self._began = time.monotonic()

    async def run(self) -> int:
        """Starts everything, lets it suffer, and judges."""
        system, arguments = self._system, self._arguments
        async with system.running():
            self._say(
                f"{len(system.fleet.replicas)} replicas, {len(system.mongo.members)} members of MongoDB, "
                f"{system.s3.title}"
            )
            if system.why_no_disks:
                self._say(f"left out: full disks, because {system.why_no_disks}")
            if self._people is not None:
                await self._people.open_accounts(system)
            workload = Workload(
                system.web.url,
                seed=arguments.seed,
                workers=arguments.workers,
                record=self._calls.append,
                mix=MIX if self._people is None else ACCOUNTS_MIX,
                hire=None if self._people is None else hire_members(self._people),
            )
            final: list[Record] = []
            try:
                async with sampled(system, self._processes.append):
                    async with workload.running():
                        await asyncio.sleep(_WARM_UP_SECONDS)
                        await self._suffer(Canary(system, workload, self._people))
                        await asyncio.sleep(_QUIET_SECONDS)
                    await asyncio.sleep(_QUIET_SECONDS)
                self._say("the workers have ended: looking at what is left")
                final = await gather_final_state(system, workload, self._people)
            finally:
                # Also of a run that broke off.
                records = self._records(final)
                write_history(arguments.results / "history.jsonl", records)
            self._summarise(workload.retries)
        self._say("stopped")
        return self._judge(History.of(records))

    def _records(self, final: list[Record]) -> list[Record]:
        system, arguments = self._system, self._arguments
        setup = Setup(
            seed=arguments.seed,
            minutes=arguments.minutes,
            workers=arguments.workers,
            replicas=arguments.replicas,
            members=len(system.mongo.members),
            s3=system.s3.title,
            picture_grace_seconds=PICTURE_GRACE_SECONDS,
            auth=arguments.auth,
        )
        calls = replica_of_calls(self._calls, system.logs)
        return [setup, *calls, *self._faults, *self._processes, *system.chores, *final]

    async def _suffer(self, canary: Canary) -> None:
        """One step of the plan after the other, until the time is over."""
        over_at = time.monotonic() + self._arguments.minutes * 60
        possible = kinds_for(self._system)
        asked = [name for name in self._arguments.faults.split(",") if name]
        for step in plan(self._arguments.seed, [name for name in possible if name in (asked or possible)]):
            longest = max(one.after_seconds + one.seconds for one in step.faults)
            if time.monotonic() + step.pause_seconds + longest > over_at:
                return
            await asyncio.sleep(step.pause_seconds)
            await self._do(step, canary)

    async def _do(self, step: Step, canary: Canary) -> None:
        times = await asyncio.gather(*(self._one(fault) for fault in step.faults))
        over = time.monotonic()
        seconds = await canary.seconds_until_whole()
        recovered = None if seconds is None else over + seconds
        for fault, (started, ended) in zip(step.faults, times, strict=True):
            self._faults.append(Fault(fault.kind, started, ended, recovered))
        names = " + ".join(
            f"{fault.kind} {ended - started:.1f} s"
            for fault, (started, ended) in zip(step.faults, times, strict=True)
        )
        self._say(
            f"{names}: whole again after " + ("over a minute" if seconds is None else f"{seconds:.1f} s")
        )

    async def _one(self, fault: Planned) -> tuple[float, float]:
        await asyncio.sleep(fault.after_seconds)
        started = time.monotonic()
        async with KINDS[fault.kind].begin(self._system, random.Random(fault.seed)):
            await asyncio.sleep(fault.seconds)
        return started, time.monotonic()

    def _judge(self, history: History) -> int:
        violations = check(history)
        lines: dict[str, list[str]] = {}
        for one in growths(Evidence(history)):
            unit = MEBIBYTE if one.what == "memory" else 1
            first, last, slope = (value / unit for value in (one.first, one.last, one.per_minute))
            what = one.what.replace("file_descriptors", "files").replace("memory", "MiB")
            lines.setdefault(one.process, []).append(f"{first:.0f} -> {last:.0f} {what} ({slope:+.1f}/min)")
        for process, found in sorted(lines.items()):
            self._say(f"{process:12} {', '.join(found)}")
        for violation in violations:
            self._say(f"VIOLATED {violation}")
        self._say(f"{len(violations)} violations; seed {self._arguments.seed}")
        return 1 if violations else 0

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def _summarise(self, retries: int) -> None:
        by_status: dict[str, Counter[str]] = {}
        for call in self._calls:
            what = str(call.status) if call.error is None else call.error.partition(":")[0]
            by_status.setdefault(call.operation, Counter())[what] += 1
        for operation, counts in sorted(by_status.items()):
            self._say(
                f"{operation:8} " + ", ".join(f"{what}: {count}" for what, count in counts.most_common())
            )
        seconds = sorted(call.ended - call.started for call in self._calls if call.ended is not None)
        median = statistics.median(seconds) * 1000
        self._say(f"{len(self._calls)} calls, {retries} of them repeated, median {median:.0f} ms")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
