"""The languages of the pages: which one a request is answered in, and its words (ADR 0047).

The signed-in administrator's own choice wins, then the choice made in this browser, then what the browser asks for.
English texts stand in the templates and the code; translations/id.po has the others, written by `make messages`.
Nothing here runs for the JSON API.
"""

import gettext as catalogues
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, has_request_context, request
from markupsafe import escape

from minispod.kernel.languages import ENGLISH, LANGUAGES

COOKIE = "minispod_language"
NAMES = {"en": "English", "id": "Bahasa Indonesia"}
DIRECTORY = Path(__file__).resolve().parents[2] / "translations"
# Where the same English word is two things: what a state is called, and a sentence of the shop's.
STATE, SAID, FACT = "state", "said", "fact"
_CHOSEN = "minispod.language"
_SHORT_WORDS = {"qris": "QRIS", "gopay": "GoPay", "shopeepay": "ShopeePay", "dns": "DNS", "cpu": "CPU"}
_SHORT = re.compile(rf"\b({'|'.join(_SHORT_WORDS)})\b")
_FACT = re.compile(r"%\((\w+)\)s")
_RUPIAH = re.compile(r"Rp\s?\d[\d.]*\d|Rp\s?\d")


def init_app(app: Flask) -> None:
    """Let templates speak: `_`, `ngettext`, `{% trans %}` and the filter `said`."""
    env = app.jinja_env
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: _words().gettext(text),
        lambda one, many, count: _words().ngettext(one, many, count),
        newstyle=True,
    )
    env.globals.update(
        _=gettext, ngettext=ngettext, in_both=in_both, page_language=language, language_names=NAMES
    )
    env.filters["said"] = said


def language() -> str:
    """The language of this request; English where there is none."""
    if not has_request_context():
        return ENGLISH
    known: str | None = request.environ.get(_CHOSEN)
    if known is None:
        known = request.environ[_CHOSEN] = _of_browser()
    return known


def speak(wanted: str | None) -> None:
    """Answer this request in the language of the account that asks; None leaves it to the browser."""
    if wanted in LANGUAGES:
        request.environ[_CHOSEN] = wanted


def gettext(text: str, **facts: Any) -> str:
    """`text` in the language of the request, with its facts; text for HTML only where a fact is."""
    return _told(_words().gettext(text), facts)


def ngettext(one: str, many: str, count: int, **facts: Any) -> str:
    """The same for a number of things; the number is the fact `n`, unless another is given as it."""
    return _told(_words().ngettext(one, many, count), {"n": count, **facts})


def N_(text: str) -> str:  # noqa: N802 - the name by which texts are found
    """Mark a text for translation where there is no request yet; `gettext` it later."""
    return text


def state(text: str) -> str:
    """The word of a state, kind or act."""
    return _words().pgettext(STATE, text)


def fact(name: str) -> str:
    """The word of a fact of the audit book or the proof: "balance_after" -> "balance after"."""
    return _words().pgettext(FACT, name.replace("_", " "))


def plain_words(state: str) -> str:
    """A state or act as English reads it: "PARTIALLY_REFUNDED" -> "Partially refunded"; what is translated."""
    text = state.replace("_", " ").replace(".", ": ").lower()
    text = _SHORT.sub(lambda found: _SHORT_WORDS[found[0]], text)
    return text[:1].upper() + text[1:]


def said(sentence: str | None) -> str:
    """A sentence of the shop's own making in the language of the request; English where it is not known.

    The domain makes English sentences. Those with facts in them are known by their pattern, and the facts go into the
    other language's sentence; amounts are written as the language writes them.
    """
    if not sentence or not has_request_context():
        return sentence or ""
    found = sentence if language() == ENGLISH else _translated(language(), sentence)
    return _RUPIAH.sub(_amount, found)


def in_both(english: str, indonesian: str) -> str:
    """Of a text that the domain has in both languages, the one of the request."""
    return english if language() == ENGLISH else indonesian


def grouped(digits: int) -> str:
    """A whole number with the language's mark between thousands."""
    text = f"{digits:,}"
    return text if language() == ENGLISH else text.replace(",", ".")


def decimal(text: str) -> str:
    """A number written with a point, with the language's decimal mark."""
    return text if language() == ENGLISH else text.replace(".", ",")


def _of_browser() -> str:
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES, default=ENGLISH) or ENGLISH


def _told(text: str, facts: Mapping[str, Any]) -> str:
    if not facts:
        return text
    if any(hasattr(each, "__html__") for each in facts.values()):
        return escape(text) % dict(facts)
    return text % facts


def _words() -> catalogues.NullTranslations:
    return _catalogue(language())


def _catalogue(wanted: str) -> catalogues.NullTranslations:
    return _read(wanted)[0]


@cache
def _read(wanted: str) -> tuple[catalogues.NullTranslations, list[tuple[re.Pattern[str], str]]]:
    """The words of a language, and how its sentences with facts are known, from its .po itself: nothing is compiled
    beforehand, so nothing can be out of date.
    """
    source = DIRECTORY / f"{wanted}.po"
    if not source.exists():
        return catalogues.NullTranslations(), []
    with source.open("rb") as file:
        catalog = read_po(file, locale=wanted)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    texts = [str(each.id) for each in catalog if each.context == SAID and _FACT.search(str(each.id))]
    # The one with the most words of its own first: a pattern that is nearly all facts would take everything.
    texts.sort(key=lambda text: len(_FACT.sub("", text)), reverse=True)
    return catalogues.GNUTranslations(compiled), [(_pattern_of(text), text) for text in texts]


def _pattern_of(text: str) -> re.Pattern[str]:
    parts = _FACT.split(text.replace("%%", "%"))
    seen: set[str] = set()
    pattern = ""
    for number, part in enumerate(parts):
        if number % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>.*?)"
    return re.compile(pattern, re.DOTALL)


@lru_cache(maxsize=2048)
def _translated(wanted: str, sentence: str) -> str:
    """A sentence by its pattern, and likewise the sentences among its facts."""
    words = _catalogue(wanted)
    exact = words.pgettext(SAID, sentence)
    if exact != sentence:
        return exact
    for pattern, text in _read(wanted)[1]:
        if found := pattern.fullmatch(sentence):
            facts = {name: _fact_in(wanted, each) for name, each in found.groupdict().items()}
            return words.pgettext(SAID, text) % facts
    return sentence


def _fact_in(wanted: str, text: str) -> str:
    """A fact within a sentence: a sentence itself, a state ("STOPPED"), or what it is."""
    if not text.isupper():
        return _translated(wanted, text)
    plain = plain_words(text)
    spoken = _catalogue(wanted).pgettext(STATE, plain)
    return text if spoken == plain else spoken.lower()


def _amount(found: re.Match[str]) -> str:
    return found[0] if language() != ENGLISH else found[0].replace(".", ",")
