"""Forms of a page as a browser sees them: where they lead, what they would send, which buttons they have."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_TICKED_ONLY = ("radio", "checkbox")


@dataclass
class Form:
    """A form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects the forms of a page; of its radio buttons, `preferred` is chosen where it is offered."""

    def __init__(self, preferred: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._preferred = preferred
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, inputs, selects and buttons."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
        if not self.forms:
            return
        form, name = self.forms[-1], given.get("name", "")
        if tag == "button":
            form.buttons.append((name, given.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            form.fields.setdefault(self._select, given.get("value", ""))
        elif tag == "input" and name:
            self._input(form, name, given)

    def _input(self, form: Form, name: str, given: dict[str, str]) -> None:
        is_chosen = "checked" in given or (self._preferred and given.get("value") == self._preferred)
        if given.get("type") not in _TICKED_ONLY or is_chosen:
            form.fields[name] = given.get("value", "")


def forms_of(html: str, *, preferred: str = "") -> list[Form]:
    """The forms of a page; `preferred` is the radio button that is chosen where it is offered."""
    reader = _Reader(preferred)
    reader.feed(html)
    return reader.forms
