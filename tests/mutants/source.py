"""Mutants of the source: one lock, one guard or one condition of an update removed from a file of the money paths."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wallet", "payments", "subscriptions")
FILES = ("catalog/quota.py",)

# What `lock` does, but for the lock.
_UNLOCKED = '__import__("minispod.kernel.database", fromlist=["session"]).session().get({}, {}, populate_existing=True)'


@dataclass(frozen=True, slots=True)
class SourceMutant:
    """A file with one piece of text replaced."""

    name: str
    path: Path
    text: str


def source_mutants() -> Iterator[SourceMutant]:
    """Every mutant of every file, in the order of the files."""
    for path in _files():
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            for kind, piece, instead in _changes(node, text):
                place = path.relative_to(ROOT / "minispod")
                name = f"{kind} {place}:{piece.lineno} {_short(ast.get_source_segment(text, piece))}"
                yield SourceMutant(name, path.relative_to(ROOT), _replaced(text, piece, instead))


def _files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / "minispod" / package).glob("*.py"))
    yield from (ROOT / "minispod" / name for name in FILES)


def _changes(node: ast.AST, text: str) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    """The ways to weaken a node: kind, what is replaced, and by what."""
    if isinstance(node, ast.Call):
        yield from _weaker_call(node, text)
    elif isinstance(node, ast.If | ast.Expr) and _is_guard(node):
        yield "guard", node, "pass"


def _is_guard(node: ast.If | ast.Expr) -> bool:
    if isinstance(node, ast.Expr):
        return _is_check(node.value)
    return not node.orelse and _refuses(node.body[-1])


def _weaker_call(call: ast.Call, text: str) -> Iterator[tuple[str, ast.expr, str]]:
    def source(part: ast.expr) -> str:
        return ast.get_source_segment(text, part) or ""

    called = call.func
    if isinstance(called, ast.Name) and called.id == "lock":
        yield "lock", call, _UNLOCKED.format(*(source(each) for each in call.args))
    elif isinstance(called, ast.Attribute) and called.attr == "with_for_update":
        yield "lock", call, source(called.value)
    elif isinstance(called, ast.Attribute) and called.attr == "pg_advisory_xact_lock":
        yield "lock", call, "func.now()"
    elif isinstance(called, ast.Attribute) and called.attr == "where" and _changes_rows(called.value):
        for dropped in call.args[1:]:
            kept = ", ".join(source(each) for each in call.args if each is not dropped)
            yield "condition", call, f"{source(called.value)}.where({kept})"


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


def _is_check(value: ast.expr) -> bool:
    """Whether a statement is a state table's check, or a function that only refuses."""
    if not isinstance(value, ast.Call):
        return False
    called = value.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "check" or name.lstrip("_").startswith(("check_", "require_", "refuse_"))


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
