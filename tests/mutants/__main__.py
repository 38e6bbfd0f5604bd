"""Run the money tests against every mutant and say which test killed it: `make mutants`, `ARGS="--only lock"`.

First all mutants meet the tests that are likely to notice, in one session per worker; who survives meets all tests of
money. Exit status 1 when one survives that. Outcomes are kept in .mutants/, so that `--resume` goes on where a run
ended, and `--write` writes them as a page.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants import outcomes
from tests.mutants.mutants import Mutant, all_mutants, key_of
from tests.mutants.outcomes import Outcome, Verdict
from tests.mutants.record import has_record, make_record
from tests.mutants.rooms import judge_alone, judge_together, rooms
from tests.mutants.session import BROKEN
from tests.mutants.source import ROOT

FOLDER = ROOT / ".mutants"
Judge = Callable[[Path, Sequence[Mutant]], None]
PAGE = ROOT / "docs/operations/mutants.md"


def main() -> int:
    """Run what was asked for; 1 when a mutant survived or could not be judged."""
    wanted = _arguments()
    mutants = [each for each in all_mutants() if wanted.only in each.name]
    if wanted.list:
        print("\n".join(each.name for each in mutants))
        return 0
    FOLDER.mkdir(exist_ok=True)
    outcomes.begin(FOLDER, is_resumed=wanted.resume)
    print(f"{len(mutants)} mutants, {len(_unkilled(mutants))} of them to be judged", flush=True)
    with rooms(wanted.jobs) as copies:
        if wanted.record or not has_record(FOLDER):
            print("Recording which test runs which line ...", flush=True)
            make_record(copies[0], FOLDER)
        _share(copies, _unkilled(mutants), _judge_by_likely_tests)
        if not wanted.quick:
            _share(copies, _unkilled(mutants), _judge_by_all_tests)
    known = outcomes.read(FOLDER)
    ended = [known[key_of(each)] for each in mutants if key_of(each) in known]
    if wanted.write:
        PAGE.write_text(outcomes.page(ended))
    alive = _unkilled(mutants)
    print(f"\n{len(mutants) - len(alive)} of {len(mutants)} mutants were killed.")
    print("\n".join(str(known.get(key_of(each), f"not judged: {each.name}")) for each in alive))
    return 1 if alive else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="only mutants whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--list", action="store_true", help="name them and stop")
    parser.add_argument("--resume", action="store_true", help="do not repeat mutants that were killed before")
    parser.add_argument("--record", action="store_true", help="record anew which test runs which line")
    parser.add_argument("--quick", action="store_true", help="run no tests but those likely to notice")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    return parser.parse_args()


def _unkilled(mutants: Sequence[Mutant]) -> list[Mutant]:
    known = outcomes.read(FOLDER)
    killed = {key for key, each in known.items() if each.verdict is Verdict.KILLED}
    return [each for each in mutants if key_of(each) not in killed]


def _share(copies: Sequence[Path], mutants: Sequence[Mutant], judge: Judge) -> None:
    """Let each room judge its part."""
    with ThreadPoolExecutor(len(copies)) as pool:
        shares = [mutants[number :: len(copies)] for number in range(len(copies))]
        list(pool.map(judge, copies, shares))


def _judge_by_likely_tests(room: Path, mutants: Sequence[Mutant]) -> None:
    """Session after session, until each mutant was judged; one that spoils two sessions is left."""
    left = list(mutants)
    spoilers: list[str] = []
    while left:
        if judge_together(room, left, FOLDER) == BROKEN:
            sys.exit(f"The tests cannot be run: see {FOLDER / room.name}.log")
        known = outcomes.read(FOLDER)
        left = [each for each in left if key_of(each) not in known]
        if left and left[0].name in spoilers:
            del left[0]
        elif left:
            spoilers.append(left[0].name)


def _judge_by_all_tests(room: Path, mutants: Sequence[Mutant]) -> None:
    for mutant in mutants:
        began = time.monotonic()
        verdict, noticed = judge_alone(room, mutant)
        seconds = round(time.monotonic() - began, 1)
        outcomes.add(FOLDER, Outcome(key_of(mutant), mutant.name, verdict, noticed, seconds))


if __name__ == "__main__":
    sys.exit(main())
