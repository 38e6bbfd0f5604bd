"""What can be taken out of a piece of source, and what stands there instead."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

# What `lock` does, but for the lock.
_UNLOCKED = '__import__("minispod.kernel.database", fromlist=["session"]).session().get({}, {}, populate_existing=True)'


@dataclass(frozen=True)
class Module:
    """The text of a file, and what was read from it."""

    text: str
    tree: ast.Module

    def source(self, node: ast.AST) -> str:
        """The text of one node."""
        return ast.get_source_segment(self.text, node) or ""

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """What is made beforehand, by name."""
        return {
            name: each.value
            for each in self.tree.body
            if isinstance(each, ast.Assign) and (name := constant_of(each)) is not None
        }

    @cached_property
    def raised(self) -> frozenset[int]:
        """The lines that refuse."""
        return _lines([each for each in ast.walk(self.tree) if isinstance(each, ast.Raise)])

    def ends_by_refusing(self, name: str) -> bool:
        """Whether a function of this file refuses unless it finds something to answer."""
        return any(
            isinstance(each, ast.FunctionDef) and each.name == name and _refuses(each.body[-1])
            for each in self.tree.body
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One way to weaken a file: which piece is replaced, and by what."""

    kind: str
    piece: ast.expr | ast.stmt
    instead: str
    # The function that refuses, or the lines that do.
    refuses: str | frozenset[int] = frozenset()
    # What is gone, when that is but a part of the piece.
    dropped: ast.expr | None = None


def constant_of(statement: ast.stmt) -> str | None:
    """The private name a module gives what it makes beforehand; nobody else can have taken it over."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("_"):
            return name
    return None


def changes(node: ast.AST, module: Module) -> Iterator[Change]:
    """Every way to weaken one node."""
    if isinstance(node, ast.Call):
        yield from _weaker_call(node, module)
    elif (
        isinstance(node, ast.If)
        and not node.orelse
        and (_refuses(node.body[-1]) or _stands_back(node, module))
    ):
        # What is asked may do something, too: only its answer is not heard.
        asks = any(isinstance(each, ast.Call) for each in ast.walk(node.test))
        yield Change("guard", node, f"({module.source(node.test)})" if asks else "pass", _lines(node.body))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_check(node.value):
        yield Change("guard", node, "pass", _called(node.value))


def _weaker_call(call: ast.Call, module: Module) -> Iterator[Change]:
    match call:
        case ast.Call(func=ast.Name(id="lock"), args=args):
            yield Change("lock", call, _UNLOCKED.format(*map(module.source, args)))
        case ast.Call(func=ast.Attribute(attr="with_for_update", value=before)):
            yield Change("lock", call, module.source(before))
        case ast.Call(func=ast.Attribute(attr="pg_advisory_xact_lock")):
            yield Change("lock", call, "func.now()")
        case ast.Call(
            func=ast.Attribute(attr="on_conflict_do_nothing" | "on_conflict_do_update", value=before)
        ):
            yield Change("conflict", call, module.source(before), module.raised)
        case ast.Call(func=ast.Attribute(attr="get" | "get_one"), keywords=keywords):
            for lock in keywords:
                if lock.arg == "with_for_update":
                    others = [*call.args, *(each for each in keywords if each is not lock)]
                    asked = ", ".join(map(module.source, others))
                    yield Change("lock", call, f"{module.source(call.func)}({asked})")
        case ast.Call(func=ast.Attribute(attr="where", value=before)) if _changes_rows(before, module):
            yield from _weaker_condition(call, before, module)


def _weaker_condition(call: ast.Call, before: ast.expr, module: Module) -> Iterator[Change]:
    """Without one of the conditions, or one of those that count together; the first names the row, and stays."""
    for dropped in call.args if _has_condition(before, module) else call.args[1:]:
        kept = ", ".join(module.source(each) for each in call.args if each is not dropped)
        instead = f"{module.source(before)}.where({kept})" if kept else module.source(before)
        # No row changed: whoever asked refuses, in the same file.
        yield Change("condition", call, instead, module.raised, dropped)
        for both in ast.walk(dropped):
            if isinstance(both, ast.Call) and _called(both) == "and_":
                for part in both.args:
                    rest = ", ".join(module.source(each) for each in both.args if each is not part)
                    yield Change("condition", both, f"and_({rest})", module.raised, part)


def _has_condition(chain: ast.expr, module: Module) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr == "where" for each in _links(chain, module))


def _changes_rows(chain: ast.expr, module: Module) -> bool:
    """Whether a chain of calls begins with update(...) or delete(...)."""
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Name)
        and each.func.id in ("update", "delete")
        for each in _links(chain, module)
    )


def _links(chain: ast.expr, module: Module) -> Iterator[ast.expr]:
    """A chain of calls from its end to its beginning, which may be one made beforehand."""
    while True:
        yield chain
        if isinstance(chain, ast.Call):
            chain = chain.func
        elif isinstance(chain, ast.Attribute):
            chain = chain.value
        elif isinstance(chain, ast.Name) and chain.id in module.constants:
            chain = module.constants[chain.id]
        else:
            return


def _refuses(statement: ast.stmt) -> bool:
    """Whether a statement raises something of its own; passing on what was caught is no guard."""
    return isinstance(statement, ast.Raise) and statement.exc is not None


def _stands_back(node: ast.If, module: Module) -> bool:
    """Whether an act ends with nothing done, because of a state, a time, or what it was told; or was done before."""
    [*before, last] = node.body
    if before or not isinstance(last, ast.Return):
        return False
    match last.value:
        case None | ast.Constant(value=None | False | 0):
            return _asks(node.test)
        case ast.Name(id=name):
            return _is_there(node.test, name)
        case ast.Call(func=ast.Name(id=name)):
            return module.ends_by_refusing(name)
    return False


def _asks(test: ast.expr) -> bool:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call()):
            return True
    return any(
        each.attr in ("state", "status", "end_reason", "rowcount")
        or each.attr.startswith("is_")
        or each.attr.endswith(("_at", "_until"))
        for each in ast.walk(test)
        if isinstance(each, ast.Attribute)
    )


def _is_there(test: ast.expr, name: str) -> bool:
    """Whether the answer is what was found: the same act, done before."""
    match test:
        case ast.Compare(
            left=ast.Name(id=found) | ast.NamedExpr(target=ast.Name(id=found)),
            ops=[ast.IsNot()],
            comparators=[ast.Constant(value=None)],
        ):
            return found == name
    return False


def _is_check(call: ast.Call) -> bool:
    """Whether a call is a state table's check, or of a function that only refuses."""
    name = _called(call)
    return name == "check" or name.lstrip("_").startswith(("check_", "require_", "refuse_"))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _lines(statements: list[ast.stmt] | list[ast.Raise]) -> frozenset[int]:
    return frozenset(each.lineno for each in statements)
