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
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from minispod.admin.languages import SAID, STATE, plain_words

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "translations" / "id.po"
TEMPLATES = ("templates/admin", "templates/errors")
PAGES = "minispod/admin"
# Modules of the domain whose sentences staff read as they are.
SPEAKERS: frozenset[str] = frozenset()
_NOT_THE_SHOP = ("minispod/local", "minispod/simulator", "minispod/admin")
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
_TEMPLATE_OPTIONS = {"silent": "false", "encoding": "utf-8"}

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
    for path, module in modules.items():
        place = _named(path)
        for node in ast.walk(module):
            for told in _sentences(node, refusals):
                yield place, told.lineno, pattern(told), SAID
            for value in _states(node):
                yield place, value.lineno, plain_words(str(value.value)), STATE
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
    """Every string of a module that reads like a sentence; no docstrings, no names."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    told = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    inner = {
        id(part) for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    } - {id(node) for node in ast.walk(module) if isinstance(node, ast.JoinedStr)}
    for node in ast.walk(module):
        for found in (
            [] if id(node) in told | inner else texts(node if not isinstance(node, ast.IfExp) else None)
        ):
            if re.search(r"[A-Za-z]{2,} |[A-Za-z]{2,}[.!?]$", pattern(found)):
                yield found


def pattern(told: ast.Constant | ast.JoinedStr) -> str:
    """A sentence with the names of its facts: f"{name} is gone" -> "%(name)s is gone"."""
    if isinstance(told, ast.Constant):
        return str(told.value)
    names: list[str] = []
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"%({_name_of(part, names)})s"
        for part in told.values
    )


def _name_of(part: ast.expr, taken: list[str]) -> str:
    words = re.findall(r"[a-z_]{2,}", ast.unparse(part).split(":")[0].split("!")[0]) or ["fact"]
    name = words[-1].strip("_") or "fact"
    taken.append(name)
    return name if taken.count(name) == 1 else f"{name}_{taken.count(name)}"


def _states(node: ast.AST) -> Iterator[ast.Constant]:
    if not isinstance(node, ast.ClassDef) or not any("StrEnum" in ast.unparse(base) for base in node.bases):
        return
    for each in node.body:
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant):
            yield each.value


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
