"""Memory of each process of the running demo: PSS, which shares what processes have in common fairly."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from minispod.local.timeline import StoryStopped

PROC = Path("/proc")
_WIDTH = 64


@dataclass(frozen=True, slots=True)
class Process:
    """One process and what it holds, in MB."""

    pid: int
    depth: int
    command: str
    pss: float
    rss: float


def measure(state: Path) -> None:
    """Print the process tree of the demo on `state` with its memory."""
    try:
        root = int((state / "lock").read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        raise StoryStopped(f"no demo runs on {state}; start one with 'make demo'") from None
    rows = list(_tree(root, children(), 0))
    if not rows:
        raise StoryStopped(f"the demo of {state} (process {root}) does not run any more")
    print("Memory of the demo (MB)\n      PSS     RSS  process")
    for row in rows:
        print(f"  {row.pss:7.1f} {row.rss:7.1f}  {'  ' * row.depth}{row.command}")
    pss, rss = sum(row.pss for row in rows), sum(row.rss for row in rows)
    print(f"  {pss:7.1f} {rss:7.1f}  all {len(rows)} processes; PSS / RSS {pss / rss:.2f}\n")


def _tree(pid: int, children: dict[int, list[int]], depth: int) -> Iterator[Process]:
    process = _read(pid, depth)
    if process is not None:
        yield process
    for child in sorted(children.get(pid, ())):
        yield from _tree(child, children, depth + 1)


def children() -> dict[int, list[int]]:
    """The children of every process of this machine, by the parent's number."""
    found: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            except OSError:  # it has just ended
                continue
            found.setdefault(parent, []).append(int(entry.name))
    return found


def _read(pid: int, depth: int) -> Process | None:
    """What the kernel says; None for a process that is gone or not ours to see."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return Process(pid, depth, _short(command), kilobytes["Pss"] / 1024, kilobytes["Rss"] / 1024)


def _short(command: str) -> str:
    words = command.split()
    if words:
        words[0] = Path(words[0]).name
    return " ".join(words)[:_WIDTH]
