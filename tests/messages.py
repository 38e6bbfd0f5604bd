"""`make messages`: gather every text of the administration into translations/id.po, keeping what is translated.

Texts are found where they stand: `_`, `ngettext`, `N_` and `{% trans %}` in templates and pages; the words of states
and kinds (the values of enumerations); and the sentences the domain makes for people: refusals, and the modules of
SPEAKERS. Of a sentence with facts (an f-string) its pattern is kept, which languages.said finds again.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from keyword import iskeyword
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from minispod.admin.languages import FACT, SAID, STATE, plain_words

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "translations" / "id.po"
TEMPLATES = ("templates/admin", "templates/errors")
PAGES = "minispod/admin"
# Modules of the domain whose sentences staff read as they are.
SPEAKERS = frozenset(
    f"minispod/{each}.py"
    for each in """
        alerts/judging insights/advice instances/lost_nodes instances/observation
        instances/provisioning instances/rotation integrations/kubernetes/certificates integrations/kubernetes/commands
        jobs/proof jobs/schedule kernel/sealed operations/carrying operations/drill
        operations/engine operations/nodes/carrying operations/nodes/engine operations/plans
        operations/telling payments/models payments/settling promotions/redeeming
        proof/adjustment_checks proof/coupon_checks proof/paper_checks proof/repairs
        proof/subscription_checks proof/topup_checks proof/wallet_checks subscriptions/cancellation
        subscriptions/change_outcome subscriptions/changing subscriptions/fulfilment subscriptions/ordering
        subscriptions/renewal subscriptions/revival subscriptions/stewardship tickets/canned wallet/adjusting
        subscriptions/bulk/working
    """.split()  # noqa: SIM905 - one name a line would fill the page
)
# Sentences of the domain that no rule finds: too short, or put together.
_OTHER_SENTENCES = ("Healthy", "Unhealthy: %(reason)s")
# Details of the audit book that are passed on as they come.
_OTHER_FACTS = ("note", "language", "none", "email", "phone", "avatar")
_PROOF = "minispod/proof/"
_FACTS_OF_SQL = re.compile(r"\bAS ([a-z_]+)|\b[a-z]{1,2}\.([a-z_]+)(?=,)")
_FEWEST_LETTERS = 8
_SQL = re.compile(r"\n|^(SELECT|SET) |[<>=]=? |\bNULL\b|\bIN \(|\bBETWEEN\b")
_NOT_THE_SHOP = ("minispod/local", "minispod/simulator", "minispod/api", "minispod/cli", "minispod/realtime")
_FAMILIES = frozenset(
    {
        "Refusal",
        "Unauthenticated",
        "Forbidden",
        "NotFound",
        "Conflict",
        "RuleBroken",
        "TooMany",
        "Unavailable",
    }
)
# Enumerations that no page shows: orders, spans, outcomes between two functions.
_UNSHOWN = frozenset(
    {
        "Answer",
        "Environment",
        "Finding",
        "Grain",
        "Grouping",
        "Language",
        "Level",
        "OutcomeKind",
        "PeriodName",
        "Purpose",
    }
    | {"PlanOrder", "ProblemCode", "Result", "ServiceOrder", "Side", "SortBy", "SortKey", "Step", "Tone"}
)
# A state that a template names itself: ui.badge("GRACE").
_BADGE = re.compile(r"\{[{%][^{}]*\bbadge\([^{}]*[%}]\}")
_TEMPLATE_OPTIONS = {"silent": "false", "encoding": "utf-8", "newstyle_gettext": "true"}

Found = tuple[str, int, str | tuple[str, ...], str | None]


def gather() -> Catalog:
    """Every text there is, with the file it stands in; what differs only in its context is two texts."""
    catalog = Catalog(project="MinisPod", charset="utf-8", fuzzy=False)
    for place, line, text, context in (*_marked(), *_of_domain()):
        catalog.add(text, locations=[(place, line)], context=context)
    return catalog


def renewed() -> Catalog:
    """The catalogue as it should be: its texts as gathered now, its translations as they are."""
    known = present()
    known.update(gather(), no_fuzzy_matching=True, update_creation_date=False)
    known.obsolete.clear()
    return known


def present() -> Catalog:
    """The catalogue as it is."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="id")


def main() -> int:
    """Write the catalogue anew and say what is left to translate."""
    catalog = renewed()
    text = BytesIO()
    write_po(text, catalog, width=110, include_lineno=False, sort_by_file=True, ignore_obsolete=True)
    CATALOGUE.write_bytes(text.getvalue())
    waiting = [each for each in catalog if each.id and not is_translated(each.string)]
    print(f"{len(catalog)} texts, {len(waiting)} not translated yet.")
    return 0


def is_translated(string: object) -> bool:
    """Tell whether a translation is there, for every number where there are several."""
    return all(string) if isinstance(string, tuple | list) else bool(string)


def _marked() -> Iterator[Found]:
    for folder in TEMPLATES:
        for path in sorted((ROOT / folder).rglob("*.html")):
            yield from _extracted(path, "jinja2.ext:babel_extract", _TEMPLATE_OPTIONS)
            for badge in _BADGE.findall(path.read_text()):
                for name in re.findall(r"[\"']([A-Z][A-Z_]{2,})[\"']", badge):
                    yield _named(path), 0, plain_words(name), STATE
    for path in sorted((ROOT / PAGES).rglob("*.py")):
        yield from _extracted(path, "python", {})


def _extracted(path: Path, method: str, options: dict[str, str]) -> Iterator[Found]:
    with path.open("rb") as file:
        for line, text, _, context in extract(method, file, keywords=DEFAULT_KEYWORDS, options=options):
            yield _named(path), line, text, context


def _of_domain() -> Iterator[Found]:
    modules = {
        path: ast.parse(path.read_text())
        for path in sorted((ROOT / "minispod").rglob("*.py"))
        if not _named(path).startswith(_NOT_THE_SHOP)
    }
    refusals = _refusals(modules.values())
    yield from (("tests/messages.py", 0, text, SAID) for text in _OTHER_SENTENCES)
    yield from (("tests/messages.py", 0, text, FACT) for text in _OTHER_FACTS)
    for path, module in modules.items():
        place = _named(path)
        for node in ast.walk(module):
            for told in _sentences(node, refusals):
                yield place, told.lineno, pattern(told), SAID
            for value in _states(node) if not place.startswith(PAGES) else ():
                yield place, value.lineno, plain_words(str(value.value)), STATE
            for line, name in _facts(node):
                yield place, line, name.replace("_", " "), FACT
            if place.startswith(_PROOF) and isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from ((place, node.lineno, name, FACT) for name in _facts_of_proof(place, node.value))
        if place in SPEAKERS:
            yield from ((place, each.lineno, pattern(each), SAID) for each in prose(module))


def _refusals(modules: Iterable[ast.Module]) -> frozenset[str]:
    """The names of the classes of refusals, whoever they come from."""
    classes = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    known = set(_FAMILIES)
    while True:
        more = {
            each.name for each in classes if {ast.unparse(base).split(".")[-1] for base in each.bases} & known
        }
        if more <= known:
            return frozenset(known)
        known |= more


def _sentences(node: ast.AST, refusals: frozenset[str]) -> Iterator[ast.Constant | ast.JoinedStr]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(each, ast.Name) and each.id == "default_message" for each in targets):
            yield from texts(node.value)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in refusals:
        for given in node.args[:1]:
            yield from texts(given)


def texts(node: ast.AST | None) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The sentences an expression may be; a choice between two has both."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def prose(module: ast.Module) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Every string of a module that reads like a sentence; no docstrings, no names, no SQL."""
    nodes = list(ast.walk(module))
    silent = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in ast.walk(node) if part is not node}
    for node in nodes:
        if id(node) not in silent and isinstance(node, ast.Constant | ast.JoinedStr):
            yield from (each for each in texts(node) if _reads(pattern(each)))


def _reads(text: str) -> bool:
    own = re.sub(r"%\(\w+\)s", "", text)
    letters = len(re.findall(r"[A-Za-z]", own))
    return letters >= _FEWEST_LETTERS and " " in own.strip() and not _SQL.search(text)


def pattern(told: ast.Constant | ast.JoinedStr) -> str:
    """A sentence with the names of its facts: f"{name} is gone" -> "%(name)s is gone"."""
    if isinstance(told, ast.Constant):
        return str(told.value)
    names: list[str] = []
    return "".join(
        str(part.value).replace("%", "%%")
        if isinstance(part, ast.Constant)
        else f"%({_name_of(part, names)})s"
        for part in told.values
    )


def _name_of(part: ast.expr, taken: list[str]) -> str:
    source = part.value if isinstance(part, ast.FormattedValue) else part
    words = [word for word in re.findall(r"\b[a-z_]{2,}", ast.unparse(source)) if not iskeyword(word)] or [
        "fact"
    ]
    name = words[-1].strip("_") or "fact"
    taken.append(name)
    return name if taken.count(name) == 1 else f"{name}_{taken.count(name)}"


def _states(node: ast.AST) -> Iterator[ast.Constant]:
    """The values of an enumeration, and the kinds of things the audit book is about."""
    if isinstance(node, ast.ClassDef) and any("StrEnum" in ast.unparse(base) for base in node.bases):
        if node.name not in _UNSHOWN:
            yield from (each.value for each in node.body if _has_constant(each))
    elif isinstance(node, ast.keyword) and node.arg == "subject_kind" and _has_constant(node):
        yield node.value


def _has_constant(node: ast.AST) -> bool:
    return isinstance(getattr(node, "value", None), ast.Constant) and not isinstance(node, ast.Expr)


def _facts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """What is written into the audit book beside who, what and when."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("trail.record"):
        for each in node.keywords:
            if each.arg and each.arg not in ("at", "subject_kind", "subject_id"):
                yield node.lineno, each.arg


def _facts_of_proof(place: str, text: str) -> Iterator[str]:
    """What a check tells of a difference: what its SQL calls it, and what the page calls that."""
    if place.endswith("_checks.py"):
        yield from (name.replace("_", " ") for found in _FACTS_OF_SQL.findall(text) for name in found if name)
    elif place.endswith("wording.py") and re.fullmatch(r"[a-z][a-z_ ]{2,}", text):
        yield text.replace("_", " ")


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
