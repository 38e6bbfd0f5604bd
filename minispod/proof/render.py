"""A proof as text for a terminal, and as JSON for a program."""

import json
from collections.abc import Iterator
from typing import Any

from minispod.proof.proving import Difference, Finding, Proof


def as_table(proof: Proof) -> str:
    """The table of checks, then the first differences of each with what they may mean."""
    return "\n".join(_lines(proof))


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


def _lines(proof: Proof) -> Iterator[str]:
    width = max(len(finding.check.name) for finding in proof.findings)
    yield f"{'Check':<{width}}  {'Rows':>11}  {'Differences':>12}  {'Seconds':>8}"
    for finding in proof.findings:
        found = f"{finding.differences:,}" if finding.is_finished else "not finished"
        yield f"{finding.check.name:<{width}}  {finding.looked_at:>11,}  {found:>12}  {finding.seconds:>8.2f}"
    for finding in proof.findings:
        if finding.differences:
            yield from _about(finding)
    yield ""
    yield _verdict(proof)


def _about(finding: Finding) -> Iterator[str]:
    check = finding.check
    yield f"\n{check.name}: not true that {check.promise[:1].lower()}{check.promise[1:]}."
    for each in finding.kept:
        owner = f" of {each.user_id}" if each.user_id and str(each.user_id) != each.subject_id else ""
        told = ", ".join(f"{name} {value}" for name, value in each.facts.items())
        yield f"  {each.subject} {each.subject_id}{owner}: {told}"
    if finding.differences > len(finding.kept):
        yield f"  ... and {finding.differences - len(finding.kept):,} more"
    yield f"  What it may mean: {check.meaning}"
    yield f"  What to do: {check.advice}"


def _verdict(proof: Proof) -> str:
    if proof.is_clean:
        return f"Everything adds up ({proof.seconds:.1f} s)."
    words = [f"{proof.differences:,} differences"] if proof.differences else []
    if proof.unfinished:
        words.append(f"{proof.unfinished} checks not finished")
    return f"{' and '.join(words)}: the money is not proven ({proof.seconds:.1f} s)."
