"""Pay on the payment page as a person would: read its forms, press its buttons, follow where they lead."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from minispod.local.shopper import SECONDS, Unexpected, web_session
from minispod.local.timeline import StoryStopped

_PAGES = 6
_WAY_TO_PAY = "qris"
_LEADS_ON = ("pay", "choose")


@dataclass
class Form:
    """A form of a page: what it would send, and the buttons it has."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
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
        if given.get("type") != "radio" or "checked" in given or given.get("value") == _WAY_TO_PAY:
            form.fields[name] = given.get("value", "")


def forms_of(html: str) -> list[Form]:
    """The forms of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def pay(url: str) -> dict[str, str]:
    """Open a payment page, choose QRIS and pay; what the page tells the shop at the end."""
    session = web_session()
    answer = _open(session, "GET", url)
    for _ in range(_PAGES):
        if answer.status_code in (302, 303):
            url = urljoin(url, answer.headers["Location"])
            told = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
            if "transaction_status" in told:
                return told
            answer = _open(session, "GET", url)
            continue
        if answer.status_code != 200:
            raise Unexpected("GET", url, 200, answer)
        form, button = _next_press(answer.text, url)
        url = urljoin(url, form.action)
        answer = _open(session, "POST", url, {**form.fields, button[0]: button[1]})
    raise StoryStopped(f"The payment page at {url} did not come to an end.")


def _next_press(html: str, url: str) -> tuple[Form, tuple[str, str]]:
    for wanted in _LEADS_ON:
        for form in forms_of(html):
            for button in form.buttons:
                if button[1] == wanted:
                    return form, button
    raise StoryStopped(f"The payment page at {url} offers no way to pay; is it the simulated one?")


def _open(
    session: requests.Session, method: str, url: str, fields: dict[str, str] | None = None
) -> requests.Response:
    try:
        return session.request(method, url, data=fields, allow_redirects=False, timeout=SECONDS)
    except requests.RequestException as error:
        raise StoryStopped(f"The payment page at {url} got no answer: {type(error).__name__}") from None
