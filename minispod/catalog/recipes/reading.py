"""Read recipe files. Whatever is wrong is told with file, line, field and what to do; all of it at once."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from minispod.catalog.recipes.consistency import Place, findings
from minispod.catalog.recipes.schema import AppRecipe
from minispod.catalog.recipes.shapes import Part

_GROUP = "must be a group of fields; write each as `name: value` on a line of its own, indented"
_LIST = "must be a list; write [a, b] or each entry on a line of its own after `- `"
_NUMBER = "must be a whole number, without quotes"
_TRUTH = "must be true or false, without quotes"
_SENTENCES = {
    "string_type": "must be text; put it in quotes",
    "string_too_short": "is empty; write something",
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_from_float": _NUMBER,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "is empty; name at least one",
    "tuple_type": _LIST,
    "model_type": _GROUP,
    "dict_type": _GROUP,
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a recipe file."""

    line: int
    field: str
    sentence: str


class RecipeBroken(ValueError):
    """A recipe file cannot be used; the message has a line for each mistake."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        """Sort the mistakes by line."""
        self.problems = sorted(set(problems))
        shown = (f"{file}:{each.line}: {each.field}: {each.sentence}" for each in self.problems)
        super().__init__("\n".join(shown))


def load_recipe(path: Path) -> AppRecipe:
    """Read one recipe file; RecipeBroken names file, line and field of each mistake."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeBroken(path.name, [Problem(1, "file", f"cannot be read as text: {error}")]) from None
    return read_recipe(text, path.name)


@lru_cache(maxsize=128)
def read_recipe(text: str, file: str) -> AppRecipe:
    """Read the text of a recipe file with that name; RecipeBroken names line and field of each mistake.

    A sound recipe is remembered: staff look at all of them at once, and one takes a dozen milliseconds.
    """
    root = _compose(text, file)
    try:
        recipe = AppRecipe.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        told = [_problem(root, each) for each in error.errors(include_url=False, include_input=False)]
        raise RecipeBroken(file, [*_doubled(root), *told]) from None
    problems = [*_doubled(root), *(Problem(_line(root, at), _name(at), say) for at, say in findings(recipe))]
    stem = Path(file).stem
    if stem != recipe.slug:
        sentence = f"must be the file's name, '{stem}', not '{recipe.slug}'; rename one of them"
        problems.append(Problem(_line(root, ("slug",)), "slug", sentence))
    if problems:
        raise RecipeBroken(file, problems)
    return recipe


def load_recipes(folder: Path) -> dict[str, AppRecipe]:
    """Read every recipe of a folder, by slug."""
    return {recipe.slug: recipe for recipe in map(load_recipe, sorted(folder.glob("*.yaml")))}


def _compose(text: str, file: str) -> yaml.Node:
    """Read the text as a tree whose nodes know their lines."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        yaml.safe_load(text)
        if root is not None:
            list(_doubled(root))  # walks through all of it
    except (ValueError, RecursionError) as error:
        sentence = f"holds a value that cannot be read ({error}); put quotes around dates, let nothing contain itself"
        raise RecipeBroken(file, [Problem(1, "file", sentence)]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "cannot be read"
        sentence = f"is not YAML: {reason}; look at indentation, quotes and brackets here and just above"
        raise RecipeBroken(file, [Problem(mark.line + 1 if mark else 1, "file", sentence)]) from None
    if not isinstance(root, yaml.MappingNode):
        raise RecipeBroken(file, [Problem(1, "file", _GROUP)])
    return root


def _problem(root: yaml.Node, error: ErrorDetails) -> Problem:
    place: Place = tuple(part for part in error["loc"] if part != "[key]")
    kind = error["type"]
    if kind == "missing":
        hint = _described(place)
        sentence = f"is missing; add it{f' ({hint})' if hint else ''}"
    elif kind == "extra_forbidden":
        sentence = _unknown(place)
    elif kind in _SENTENCES:
        sentence = _SENTENCES[kind].format_map({**error.get("ctx", {})})
    else:
        sentence = error["msg"]
    return Problem(_line(root, place), _name(place), sentence)


def _unknown(place: Place) -> str:
    known = sorted({name for part in _parts_at(place) for name in _written(part)})
    near = difflib.get_close_matches(str(place[-1]), known, 1)
    guess = f"did you mean {near[0]}? " if near else ""
    return f"is not a known field; {guess}Known here: {', '.join(known)}"


def _described(place: Place) -> str:
    found = (_written(part).get(str(place[-1])) for part in _parts_at(place))
    return next((text for text in found if text), "")


def _written(part: type[Part]) -> dict[str, str]:
    """The fields of a group as they are written, with what they are for."""
    return {field.alias or name: field.description or "" for name, field in part.model_fields.items()}


def _parts_at(place: Place) -> list[type[Part]]:
    """The groups that the last field of `place` could belong to."""
    parts: list[type[Part]] = [AppRecipe]
    for step in place[:-1]:
        below = [
            part
            for each in parts
            for name, field in each.model_fields.items()
            if (field.alias or name) == step
            for part in _parts_in(field.annotation)
        ]
        parts = below or parts  # a number or a free name stays in the same group
    return parts


def _parts_in(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts_in(inner)


def _line(root: yaml.Node, place: Place) -> int:
    """The line of the deepest part of `place` that is written in the file."""
    node, line = root, root.start_mark.line
    for step in place:
        if isinstance(node, yaml.MappingNode):
            key, node = next(
                ((key, value) for key, value in node.value if key.value == str(step)), (None, node)
            )
            line = key.start_mark.line if key is not None else line
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
    return line + 1


def _name(place: Place) -> str:
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return shown.removeprefix(".") or "file"


def _doubled(node: yaml.Node, place: Place = ()) -> Iterator[Problem]:
    """YAML takes the last of two equal keys in silence; a person means something by each."""
    if isinstance(node, yaml.SequenceNode):
        for number, each in enumerate(node.value):
            yield from _doubled(each, (*place, number))
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        here = (*place, str(key.value))
        if key.value in seen:
            yield Problem(key.start_mark.line + 1, _name(here), "is given twice; keep one of them")
        seen.add(str(key.value))
        yield from _doubled(value, here)
