"""What became of each mutant: kept as lines of JSON between runs, and written as a page for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path

_FILE = "outcomes.jsonl"


class Verdict(StrEnum):
    """How it ended."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one mutant; `key` changes with the mutated text."""

    key: str
    name: str
    verdict: Verdict
    killer: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.verdict:9} {self.seconds:6.1f} s  {self.name}\n{'':20}{self.killer}"


def add(folder: Path, outcome: Outcome) -> None:
    """Keep an outcome, and print it."""
    print(f"\n{outcome}", flush=True)
    with (folder / _FILE).open("a") as kept:
        kept.write(json.dumps(asdict(outcome)) + "\n")


def read(folder: Path) -> dict[str, Outcome]:
    """The newest outcome of each mutant, by key."""
    file = folder / _FILE
    lines = file.read_text().splitlines() if file.exists() else []
    kept = [Outcome(**json.loads(line)) for line in lines]
    return {each.key: replace(each, verdict=Verdict(each.verdict)) for each in kept}


def begin(folder: Path, *, is_resumed: bool) -> None:
    """Forget what was found before; of a run that is resumed only what is to be judged again."""
    killed = [each for each in read(folder).values() if is_resumed and each.verdict is Verdict.KILLED]
    (folder / _FILE).write_text("".join(json.dumps(asdict(each)) + "\n" for each in killed))


def page(outcomes: Sequence[Outcome]) -> str:
    """The list for people, in Markdown."""
    killed = sum(each.verdict == Verdict.KILLED for each in outcomes)
    lines = [
        "# Mutants",
        "",
        "Each line is the program with one lock, guard, condition, unique rule, check or trigger of the money paths",
        "removed, and the first test that noticed. Written by `make mutants ARGS=--write`; do not edit.",
        "",
        f"{datetime.now(UTC):%d %B %Y}: {killed} of {len(outcomes)} mutants were killed.",
    ]
    for place, group in groupby(outcomes, key=lambda each: each.name.split()[1] if _has_place(each) else ""):
        lines += ["", f"## {place or 'The database'}", "", "| Removed | Noticed by |", "|---|---|"]
        lines += [f"| {_cell(_removed(each))} | {_cell(_noticed(each))} |" for each in group]
    return "\n".join(lines) + "\n"


def _has_place(outcome: Outcome) -> bool:
    return "/" in outcome.name.split()[1]


def _removed(outcome: Outcome) -> str:
    if not _has_place(outcome):
        return outcome.name
    kind, _, rest = outcome.name.split(" ", 2)
    return f"{kind} in {rest}"


def _noticed(outcome: Outcome) -> str:
    if outcome.verdict != Verdict.KILLED:
        return f"{outcome.verdict}: {outcome.killer}"
    return outcome.killer.removeprefix("tests/").replace("::", " ")


def _cell(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"
