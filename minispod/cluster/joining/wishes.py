"""What a new worker is to be: its name, labels and taints, read strictly, because they end up in a script."""

import re
from dataclasses import dataclass

from minispod.cluster.joining.errors import BadChoice

_MOST = 20
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY = rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}"
_LABEL = re.compile(rf"{_KEY}=(?:{_PART})?")
_TAINT = re.compile(rf"{_KEY}(?:=(?:{_PART})?)?:(?:NoSchedule|PreferNoSchedule|NoExecute)")
# A node may not give itself these; the kubelet would not start.
_OTHERS = re.compile(r"(?:[a-z0-9.-]+\.)?(?:kubernetes|k8s)\.io/")
_ALLOWED = re.compile(r"(?:[a-z0-9.-]+\.)?(?:node|kubelet)\.kubernetes\.io/|topology\.kubernetes\.io/")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the machine is to be; the name is its own host name where none is given."""

    name: str | None = None
    labels: tuple[str, ...] = ()
    taints: tuple[str, ...] = ()


def read(name: str, labels: str, taints: str) -> Wishes:
    """Understand what was written, one label or taint a line or separated by commas. Refuses BadChoice."""
    name = name.strip()
    if name and not _NAME.fullmatch(name):
        raise BadChoice(f"A node cannot be called {name[:63]!r}: small letters, digits and hyphens.")
    return Wishes(
        name or None,
        _each(labels, _LABEL, "a label", "key=value"),
        _each(taints, _TAINT, "a taint", "key=value:NoSchedule"),
    )


def _each(written: str, form: re.Pattern[str], what: str, example: str) -> tuple[str, ...]:
    found = tuple(
        dict.fromkeys(
            part for line in written.split("\n") for each in line.split(",") if (part := each.strip())
        )
    )
    if len(found) > _MOST:
        raise BadChoice(f"No more than {_MOST} of each, please.")
    for each in found:
        if not form.fullmatch(each):
            raise BadChoice(f"{each[:80]!r} is not {what}. It looks like {example}.")
        if _OTHERS.match(each) and not _ALLOWED.match(each):
            raise BadChoice(f"{each[:80]!r}: a node may not give itself names of kubernetes.io.")
    return found
