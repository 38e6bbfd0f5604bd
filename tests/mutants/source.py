"""Mutants of the source: one lock, guard, condition of an update or rule for conflicts removed from the money paths.

A guard refuses, or ends an act with nothing done because of the state something is in, or because it was done before.
Looked at are functions, and statements that a module makes beforehand.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.weakening import Module, changes, constant_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wallet", "payments", "promotions", "subscriptions", "papers", "onboarding")
FILES = ("catalog/quota.py", "kernel/inserting.py", "kernel/outbox.py")
# Not weakened itself: what it refuses tells which tests notice that it is not asked.
ASKED = Path("minispod/kernel/lifecycle.py")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file."""

    path: Path
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SourceMutant:
    """A file with one piece of text replaced, in one of its functions (`Class.method` if it is one).

    Or in a statement made beforehand, by its name; then `lines` are those that use it. A test that runs one of `lines`
    may notice; one that also runs one of the `refusals` most likely does.
    """

    name: str
    path: Path
    function: str
    text: str
    lines: Lines
    refusals: Lines


def source_mutants() -> Iterator[SourceMutant]:
    """Every mutant of every file, in the order of the files; named without line numbers, so that names last."""
    texts = {path.relative_to(ROOT): path.read_text() for path in _files()}
    modules = {path: Module(text, ast.parse(text)) for path, text in texts.items()}
    refusals = dict(_refusals(ASKED, ast.parse((ROOT / ASKED).read_text())))
    for path, module in modules.items():
        refusals.update(_refusals(path, module.tree))
    for path, module in modules.items():
        seen: Counter[str] = Counter()
        place = path.relative_to("minispod").as_posix()
        for function, node in _nodes(module.tree):
            for change in changes(node, module):
                name = f"{change.kind} {place} {function}: {_short(module.source(change.dropped or change.piece))}"
                seen[name] += 1
                if seen[name] > 1:
                    name = f"{name} (no. {seen[name]})"
                used = made_of(module.tree, function)
                yield SourceMutant(
                    name,
                    path,
                    function,
                    _replaced(module.text, change.piece, change.instead),
                    Lines(path, _uses(module.tree, used) if used else _span(change.piece)),
                    refusals.get(change.refuses, Lines(path))
                    if isinstance(change.refuses, str)
                    else Lines(path, change.refuses),
                )


def made_of(tree: ast.Module, name: str) -> list[str]:
    """What a module makes beforehand of what has this name, itself first; nothing when it is a function."""
    made: list[str] = []
    for each in tree.body:
        constant = constant_of(each)
        if constant is not None and (constant == name or (made and _names(each, made))):
            made.append(constant)
    return made


def _files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / "minispod" / package).glob("*.py"))
    yield from (ROOT / "minispod" / name for name in FILES)


def _nodes(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node inside a function, a method or what is made beforehand, with its name, from top to bottom."""
    for outer in tree.body:
        if (constant := constant_of(outer)) is not None:
            yield from ((constant, node) for node in _below(outer))
        for each in outer.body if isinstance(outer, ast.ClassDef) else [outer]:
            if isinstance(each, ast.FunctionDef):
                name = f"{outer.name}.{each.name}" if isinstance(outer, ast.ClassDef) else each.name
                yield from ((name, node) for node in _below(each))


def _below(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield child
        yield from _below(child)


def _names(node: ast.AST, names: list[str]) -> list[ast.Name]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in names]


def _uses(tree: ast.Module, names: list[str]) -> frozenset[int]:
    """The lines of functions that say one of the names."""
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    return frozenset(found.lineno for each in functions for found in _names(each, names))


def _span(piece: ast.expr | ast.stmt) -> frozenset[int]:
    return frozenset(range(piece.lineno, (piece.end_lineno or piece.lineno) + 1))


def _refusals(path: Path, tree: ast.Module) -> Iterator[tuple[str, Lines]]:
    """Each function of a file with its lines that refuse."""
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef):
            raised = [node for node in ast.walk(each) if isinstance(node, ast.Raise)]
            yield each.name, Lines(path, frozenset(node.lineno for node in raised))


def _replaced(text: str, node: ast.expr | ast.stmt, instead: str) -> str:
    lines = text.encode().splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :] + b"".join(lines[node.end_lineno :])
    return (before + instead.encode() + after).decode()


def _short(text: str | None) -> str:
    """The first words of a piece of source, on one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= 70 else f"{line[:67]}..."
