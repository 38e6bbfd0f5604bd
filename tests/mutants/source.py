"""Mutants of the source: one lock, one guard or one condition of an update removed from a file of the money paths.

A guard refuses, or ends an act with nothing done because of the state something is in.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wallet", "payments", "promotions", "subscriptions", "papers", "onboarding")
FILES = ("catalog/quota.py",)
# Not weakened itself: what it refuses tells which tests notice that it is not asked.
ASKED = Path("minispod/kernel/lifecycle.py")

# What `lock` does, but for the lock.
_UNLOCKED = '__import__("minispod.kernel.database", fromlist=["session"]).session().get({}, {}, populate_existing=True)'


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file."""

    path: Path
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SourceMutant:
    """A file with one piece of text replaced, in one of its functions (`Class.method` if it is one).

    A test that runs one of `lines` may notice; one that also runs one of the `refusals` most likely does.
    """

    name: str
    path: Path
    function: str
    text: str
    lines: Lines
    refusals: Lines


@dataclass(frozen=True, slots=True)
class _Change:
    """One way to weaken a file: which piece is replaced, and by what."""

    kind: str
    piece: ast.expr | ast.stmt
    instead: str
    # The function that refuses, or the lines that do.
    refuses: str | frozenset[int] = frozenset()


def source_mutants() -> Iterator[SourceMutant]:
    """Every mutant of every file, in the order of the files; named without line numbers, so that names last."""
    texts = {path.relative_to(ROOT): path.read_text() for path in _files()}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    refusals = dict(_refusals(ASKED, ast.parse((ROOT / ASKED).read_text())))
    for path, tree in trees.items():
        refusals.update(_refusals(path, tree))
    for path, text in texts.items():
        seen: Counter[str] = Counter()
        place = path.relative_to("minispod").as_posix()
        for function, node in _nodes(trees[path]):
            for change in _changes(node, text):
                piece = change.piece
                name = f"{change.kind} {place} {function}: {_short(ast.get_source_segment(text, piece))}"
                seen[name] += 1
                if seen[name] > 1:
                    name = f"{name} (no. {seen[name]})"
                yield SourceMutant(
                    name,
                    path,
                    function,
                    _replaced(text, piece, change.instead),
                    Lines(path, frozenset(range(piece.lineno, (piece.end_lineno or piece.lineno) + 1))),
                    refusals.get(change.refuses, Lines(path))
                    if isinstance(change.refuses, str)
                    else Lines(path, change.refuses),
                )


def _files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / "minispod" / package).glob("*.py"))
    yield from (ROOT / "minispod" / name for name in FILES)


def _nodes(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node inside a function or method, with the name of that, from top to bottom."""
    for outer in tree.body:
        for each in outer.body if isinstance(outer, ast.ClassDef) else [outer]:
            if isinstance(each, ast.FunctionDef):
                name = f"{outer.name}.{each.name}" if isinstance(outer, ast.ClassDef) else each.name
                yield from ((name, node) for node in _below(each))


def _below(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield child
        yield from _below(child)


def _changes(node: ast.AST, text: str) -> Iterator[_Change]:
    if isinstance(node, ast.Call):
        yield from _weaker_call(node, text)
    elif isinstance(node, ast.If) and not node.orelse and (_refuses(node.body[-1]) or _stands_back(node)):
        yield _Change("guard", node, "pass", _lines(node.body))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_check(node.value):
        yield _Change("guard", node, "pass", _called(node.value))


def _weaker_call(call: ast.Call, text: str) -> Iterator[_Change]:
    def source(part: ast.expr) -> str:
        return ast.get_source_segment(text, part) or ""

    called = call.func
    if isinstance(called, ast.Name) and called.id == "lock":
        yield _Change("lock", call, _UNLOCKED.format(*(source(each) for each in call.args)))
    elif isinstance(called, ast.Attribute) and called.attr == "with_for_update":
        yield _Change("lock", call, source(called.value))
    elif isinstance(called, ast.Attribute) and called.attr == "pg_advisory_xact_lock":
        yield _Change("lock", call, "func.now()")
    elif isinstance(called, ast.Attribute) and called.attr == "where" and _changes_rows(called.value):
        # No row changed: whoever asked refuses, in the same file.
        raised = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Raise)]
        for dropped in call.args[1:]:
            kept = ", ".join(source(each) for each in call.args if each is not dropped)
            yield _Change("condition", call, f"{source(called.value)}.where({kept})", _lines(raised))


def _changes_rows(chain: ast.expr) -> bool:
    """Whether a chain of calls begins with update(...) or delete(...)."""
    while isinstance(chain, ast.Call | ast.Attribute):
        if isinstance(chain, ast.Call) and isinstance(chain.func, ast.Name):
            return chain.func.id in ("update", "delete")
        chain = chain.func if isinstance(chain, ast.Call) else chain.value
    return False


def _refuses(statement: ast.stmt) -> bool:
    """Whether a statement raises something of its own; passing on what was caught is no guard."""
    return isinstance(statement, ast.Raise) and statement.exc is not None


def _stands_back(node: ast.If) -> bool:
    """Whether an act ends with nothing done because of the state something is in, or of a time."""
    [*before, last] = node.body
    if before or not isinstance(last, ast.Return):
        return False
    does_nothing = last.value is None or (isinstance(last.value, ast.Constant) and not last.value.value)
    return does_nothing and any(
        each.attr in ("state", "status", "end_reason")
        or each.attr.startswith("is_")
        or each.attr.endswith(("_at", "_until"))
        for each in ast.walk(node.test)
        if isinstance(each, ast.Attribute)
    )


def _is_check(call: ast.Call) -> bool:
    """Whether a call is a state table's check, or of a function that only refuses."""
    name = _called(call)
    return name == "check" or name.lstrip("_").startswith(("check_", "require_", "refuse_"))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _refusals(path: Path, tree: ast.Module) -> Iterator[tuple[str, Lines]]:
    """Each function of a file with its lines that refuse."""
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef):
            raised = [node for node in ast.walk(each) if isinstance(node, ast.Raise)]
            yield each.name, Lines(path, _lines(raised))


def _lines(statements: list[ast.stmt] | list[ast.Raise]) -> frozenset[int]:
    return frozenset(each.lineno for each in statements)


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
