"""Run the money tests against every mutant and say which test killed it: `make mutants`, `ARGS="--only lock"`.

Exit status 1 when one survives. Each worker has a copy of the program in a directory of its own; the checkout is not
touched. What was found is kept in .mutants/, so that `--resume` goes on where a run ended.
"""

import argparse
import hashlib
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.queues import SimpleQueue

from tests.mutants import outcomes
from tests.mutants.harmless import HARMLESS
from tests.mutants.outcomes import Outcome, Verdict
from tests.mutants.plan import EVERYTHING, Batch, plan_for
from tests.mutants.record import Record, has_record, make_record
from tests.mutants.rooms import Room, rooms
from tests.mutants.running import Ran, load_libraries, run
from tests.mutants.schema import SchemaMutant, schema_mutants
from tests.mutants.source import ROOT, SourceMutant, source_mutants

Mutant = SourceMutant | SchemaMutant

FOLDER = ROOT / ".mutants"
PAGE = ROOT / "docs/operations/mutants.md"
# What pytest's exit status says of a mutant. Tests that cannot even be imported have noticed; none found, none noticed.
_VERDICTS = {0: Verdict.SURVIVED, 1: Verdict.KILLED, 2: Verdict.KILLED, 5: Verdict.SURVIVED}

_room: Room  # of this worker


def main() -> int:
    """Run what was asked for; 1 when a mutant survived or could not be judged."""
    wanted = _arguments()
    every = [*schema_mutants(), *source_mutants()]
    if stale := HARMLESS.keys() - {each.name for each in every}:
        sys.exit(f"tests/mutants/harmless.py names mutants that do not exist: {sorted(stale)}")
    mutants = [each for each in every if wanted.only in each.name and each.name not in HARMLESS]
    if wanted.list:
        print("\n".join(each.name for each in mutants))
        return 0
    FOLDER.mkdir(exist_ok=True)
    if not wanted.resume:
        outcomes.forget(FOLDER)
    known = outcomes.read_killed(FOLDER)
    found = {each.name: known[_key(each)] for each in mutants if _key(each) in known}
    left = [each for each in mutants if each.name not in found]
    print(f"{len(mutants)} mutants, {len(found)} of them killed before; {wanted.jobs} at a time", flush=True)
    with rooms(wanted.jobs) as copies:
        if wanted.record or not has_record(FOLDER):
            print("Recording which test runs which line ...", flush=True)
            make_record(copies[0].path, FOLDER)
        for outcome in _judge_all(left, copies, is_quick=wanted.quick):
            found[outcome.name] = outcome
            outcomes.add(FOLDER, outcome)
            print(outcome, flush=True)
        ordered = [found[each.name] for each in mutants]
        is_sound = _say_how_it_ended(ordered) and _killers_are_sound(ordered, copies[0])
    if wanted.write:
        PAGE.write_text(outcomes.page(ordered, HARMLESS))
    return 0 if is_sound else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="only mutants whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--list", action="store_true", help="name them and stop")
    parser.add_argument("--resume", action="store_true", help="do not repeat mutants that were killed before")
    parser.add_argument("--record", action="store_true", help="record anew which test runs which line")
    parser.add_argument(
        "--quick", action="store_true", help="run no tests but those that run the mutant's lines"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    return parser.parse_args()


def _key(mutant: Mutant) -> str:
    """A name that changes when the mutated text does."""
    text = mutant.statement if isinstance(mutant, SchemaMutant) else mutant.text
    return hashlib.sha256(f"{mutant.name}\n{text}".encode()).hexdigest()


def _judge_all(mutants: Sequence[Mutant], copies: Sequence[Room], *, is_quick: bool) -> Iterator[Outcome]:
    """The outcomes as they come in; each room has one worker."""
    context = multiprocessing.get_context("fork")
    free: SimpleQueue[Room] = context.SimpleQueue()
    for room in copies:
        free.put(room)
    load_libraries()
    with ProcessPoolExecutor(len(copies), context, initializer=_enter, initargs=(free,)) as pool:
        for judged in as_completed([pool.submit(_judge, each, is_quick) for each in mutants]):
            yield judged.result()


def _enter(free: "SimpleQueue[Room]") -> None:
    global _room
    _room = free.get()


def _judge(mutant: Mutant, is_quick: bool) -> Outcome:
    """Meet the mutant with batch after batch until one kills it."""
    began, ran = time.monotonic(), Ran(0, None)
    batches = [*plan_for(mutant, Record(FOLDER)), *([] if is_quick else [EVERYTHING])]
    with _room.mutated(mutant) as environment:
        for batch in batches:
            ran = run(_room, batch, environment)
            if ran.status not in _VERDICTS or _VERDICTS[ran.status] is Verdict.KILLED:
                break
    verdict = _VERDICTS.get(ran.status, Verdict.UNJUDGED)
    killer = ran.failed or ("no test noticed" if verdict is Verdict.SURVIVED else "no test, but not all ran")
    return Outcome(_key(mutant), mutant.name, verdict, killer, round(time.monotonic() - began))


def _say_how_it_ended(ordered: Sequence[Outcome]) -> bool:
    alive = [each for each in ordered if each.verdict != Verdict.KILLED]
    print(f"\n{len(ordered) - len(alive)} of {len(ordered)} mutants were killed.")
    print("\n".join(map(str, alive)))
    return not alive


def _killers_are_sound(ordered: Sequence[Outcome], room: Room) -> bool:
    """Whether every test that killed a mutant passes on the program as it is: else it would have failed anyway."""
    killers = sorted({each.killer for each in ordered if "::" in each.killer})
    ran = run(room, Batch(tuple({each.partition("::")[0] for each in killers}), tuple(killers)), {})
    print(f"{len(killers)} tests killed them, and on the program as it is ", end="")
    print(f"{ran.failed} fails, too." if ran.status else "all of these pass.")
    return not ran.status


if __name__ == "__main__":
    sys.exit(main())
