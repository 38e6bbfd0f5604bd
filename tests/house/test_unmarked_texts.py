"""No text of the administration stands unmarked: whatever people read goes through `_`, `trans`, `words` or `said`."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from tests.messages import PAGES, ROOT, TEMPLATES

_CODE = re.compile(r"""(\{\{(?:"[^"]*"|'[^']*'|\{[^{}]*\}|[^{}"'])*?\}\}|\{%.*?%\}|\{\#.*?\#\})""", re.DOTALL)
_TRANSLATED = re.compile(r"\{%-?\s*trans\b.*?\{%-?\s*endtrans\s*-?%\}", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}")
# Names and units that are the same in every language.
_NAMES = frozenset(
    {
        "MinisPod",
        "CPU",
        "CSV",
        "DNS",
        "GB",
        "MB",
        "MRR",
        "PDF",
        "PPN",
        "yaml",
        "Tab",
        "Enter",
        "Esc",
        "UTC",
        "Rp",
    }
)
_READ = frozenset(
    {"alt", "aria-description", "aria-label", "data-confirm", "data-label", "placeholder", "title"}
)
_MARKS = frozenset({"_", "N_", "gettext", "ngettext"})
# Calls whose strings are addresses, formats, names of things.
_SILENT_CALLS = _MARKS | {
    "replace",
    "url_for",
    "strftime",
    "format",
    "selectattr",
    "rejectattr",
    "map",
    "groupby",
    "get",
}
# What people never read, in modules of the doors.
_SILENT_MODULES = frozenset({"jobs_board.py", "policy.py", "sessions.py"})
_ENV = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


def _templates() -> list[Path]:
    found = [path for folder in TEMPLATES for path in sorted((ROOT / folder).rglob("*.html"))]
    return [
        path for path in found if path.name != "components.html"
    ]  # for developers; not there in production


class _Reader(HTMLParser):
    """Collects what is read: texts outside code, and attributes that are read aloud or shown."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag in ("code", "kbd", "script", "style")
        self.read += [value for name, value in attrs if name in _READ and value]

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag in ("code", "kbd", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.read.append(data)


def unmarked(source: str) -> list[str]:
    """The words of a template that stand there as they are."""
    reader = _Reader()
    reader.feed(_CODE.sub(" ", _TRANSLATED.sub(" ", source)))
    found = [word for text in reader.read for word in _WORD.findall(text) if word not in _NAMES]
    return found + [text for code in _CODE.findall(source) if code[1] != "#" for text in _strings(code)]


def _strings(code: str) -> Iterator[str]:
    """The strings of an expression that read like words for people and are not marked."""
    tokens = [(kind, text) for _, kind, text in _ENV.lexer.tokeniter(code, None) if kind != "whitespace"]
    calls: list[str] = []
    for place, (kind, text) in enumerate(tokens):
        before = tokens[place - 1] if place else ("", "")
        after = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        if kind == "operator" and text in "([{":
            calls.append(before[1] if text == "(" and before[0] == "name" else "")
        elif kind == "operator" and text in ")]}":
            calls.pop()
        elif kind == "string" and _reads(ast.literal_eval(text)):
            is_compared = before[1] in ("==", "!=", "in", "[") or after in ("==", "!=", ":")
            if not is_compared and not (calls and calls[-1] in _SILENT_CALLS):
                yield ast.literal_eval(text)


def _reads(text: str) -> bool:
    text = text.removeprefix(">")
    if text in _NAMES or text.startswith(("/", "#", "admin/", "panel.", "errors/")) or text.endswith(".html"):
        return False
    return bool(
        re.search(r"[a-z]{2,} [A-Za-z]|[a-z]{2,} $|^ [a-z]+ ", text) or re.match(r"[A-Z][a-z]+", text)
    )


@pytest.mark.parametrize(
    "path", _templates(), ids=lambda path: path.relative_to(ROOT / "templates").as_posix()
)
def test_templates_have_no_text_of_their_own(path: Path) -> None:
    assert unmarked(path.read_text()) == []


@pytest.mark.parametrize(
    "path", _templates(), ids=lambda path: path.relative_to(ROOT / "templates").as_posix()
)
def test_templates_leave_the_name_of_gettext_alone(path: Path) -> None:
    bound = {each.name for each in _ENV.parse(path.read_text()).find_all(nodes.Name) if each.ctx != "load"}

    assert not bound & {"_", "ngettext"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ("<p>{{ _('Hello') }}</p>", []),
        ('<b aria-label="Close">x</b>', ["Close"]),
        ('{{ ui.figure("Paid today", 1) }}', ["Paid today"]),
        ('{{ ui.figure(_("Paid today"), 1, "bad") }}', []),
        ("<p>{% trans %}Write <code>x</code>{% endtrans %}</p>", []),
        ('{{ "by " ~ name }}', ["by "]),
        ('{% if a == "Some text" %}{% endif %}', []),
    ],
)
def test_the_check_sees_texts(source: str, found: list[str]) -> None:
    assert unmarked(source) == found


def _doors() -> list[Path]:
    return [path for path in sorted((ROOT / PAGES).rglob("*.py")) if path.name not in _SILENT_MODULES]


@pytest.mark.parametrize("path", _doors(), ids=lambda path: path.name)
def test_doors_have_no_text_of_their_own(path: Path) -> None:
    assert list(_said_plainly(ast.parse(path.read_text()))) == []


def _said_plainly(module: ast.Module) -> Iterator[str]:
    nodes = list(ast.walk(module))
    silent: set[int] = set()
    for node in nodes:
        if _is_silent(node):
            silent |= {id(part) for part in ast.walk(node)}
    for node in nodes:
        if id(node) not in silent and isinstance(node, ast.JoinedStr | ast.Constant):
            silent |= {id(part) for part in ast.walk(node)}
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
            if _is_sentence(text):
                yield text


def _is_silent(node: ast.AST) -> bool:
    """Docstrings; what is marked; what is raised or stands as a refusal's message: the door says that; formats."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Raise():
            return True
        case ast.Call():
            return ast.unparse(node.func).split(".")[-1] in _MARKS | {"compile", "info"}
        case ast.Assign():
            return ast.unparse(node.targets[0]) in ("default_message", "_PATTERNS")
    return False


def _is_sentence(text: str) -> bool:
    """Two words and more that begin or go on as sentences do; headers and markup are none."""
    return bool(re.search(r"[A-Za-z]{2,}[,;:]? [a-z]{2,}", text)) and not re.search(r"[<=]|; charset", text)
