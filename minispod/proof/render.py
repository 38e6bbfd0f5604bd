"""A proof as text for a terminal, and as JSON for a program."""

import json
import textwrap
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from minispod.proof import wording
from minispod.proof.proving import Difference, Finding, Proof
from minispod.proof.repairs import REPAIRS

_WIDTHS = range(72, 121)
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Page:
    """What the text is written for: columns, the time zone of the business, and the customers by id."""

    columns: int
    zone: ZoneInfo
    owners: Mapping[uuid.UUID, str]

    def wrapped(self, text: str, first: str = _INDENT, then: str = _INDENT) -> str:
        """The text in lines that fit; ids and amounts are never broken."""
        width = min(max(self.columns, _WIDTHS[0]), _WIDTHS[-1])
        filled = textwrap.fill(
            text,
            width,
            initial_indent=first,
            subsequent_indent=then,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return filled.replace("\u00a0", " ")


def as_table(proof: Proof, page: Page) -> str:
    """The table of checks, then the first differences of each with what they may mean."""
    return "\n".join(_lines(proof, page))


def as_json(proof: Proof) -> str:
    """The same as one JSON document."""
    return json.dumps(
        {
            "at": proof.at.isoformat(),
            "isClean": proof.is_clean,
            "differences": proof.differences,
            "unfinished": proof.unfinished,
            "seconds": round(proof.seconds, 3),
            "digest": proof.digest,
            "checks": [
                {**finding.figures(), "found": [_found(each) for each in finding.kept]}
                for finding in proof.findings
            ],
        },
        indent=2,
    )


def _found(difference: Difference) -> dict[str, Any]:
    return {
        "subject": difference.subject,
        "subjectId": difference.subject_id,
        "userId": str(difference.user_id) if difference.user_id else None,
        "facts": dict(difference.facts),
    }


def _lines(proof: Proof, page: Page) -> Iterator[str]:
    width = max(len(finding.check.name) for finding in proof.findings)
    yield f"{'Check':<{width}}  {'Rows':>11}  {'Differences':>12}  {'Seconds':>8}"
    for finding in proof.findings:
        found = f"{finding.differences:,}" if finding.is_finished else "not finished"
        mark = "" if finding.is_finished and not finding.differences else "  <--"
        yield (
            f"{finding.check.name:<{width}}  {finding.looked_at:>11,}  {found:>12}"
            f"  {finding.seconds:>8.2f}{mark}"
        )
    for finding in proof.findings:
        if finding.differences:
            yield from _about(finding, page)
    yield ""
    yield _verdict(proof)


def _about(finding: Finding, page: Page) -> Iterator[str]:
    check = finding.check
    yield ""
    promise = f"{check.promise[:1].lower()}{check.promise[1:]}"
    yield page.wrapped(f"{check.name}: not true that {promise}.", first="")
    for each in finding.kept:
        yield page.wrapped(_sentence(each, page), first="  * ", then="    ")
    if finding.differences > len(finding.kept):
        yield f"  ... and {finding.differences - len(finding.kept):,} more"
    yield page.wrapped(f"What it may mean: {check.meaning}")
    yield page.wrapped(f"What to do: {check.advice}")
    if repair := REPAIRS.get(check.name):
        yield page.wrapped(f'Repair: the button "{repair.label}" in the administration, under Money, Proof.')


def _sentence(difference: Difference, page: Page) -> str:
    owner = page.owners.get(difference.user_id) if difference.user_id else None
    name = wording.name(difference.subject, difference.subject_id, difference.facts)
    facts = wording.tell(difference.subject, difference.facts, user_id=difference.user_id, zone=page.zone)
    return f"{name}{f' of {owner}' if owner else ''}: {facts}"


def _verdict(proof: Proof) -> str:
    if proof.is_clean:
        return f"Everything adds up ({proof.seconds:.1f} s)."
    words = [_counted(proof.differences, "difference")] if proof.differences else []
    if proof.unfinished:
        words.append(f"{_counted(proof.unfinished, 'check')} not finished")
    return f"{' and '.join(words)}: the money is not proven ({proof.seconds:.1f} s)."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
