"""Pay on the payment page as a person would: read its forms, press its buttons, follow where they lead."""

from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from minispod.local.forms import Form, forms_of
from minispod.local.shopper import SECONDS, Unexpected, web_session
from minispod.local.timeline import StoryStopped

_PAGES = 6
_WAY_TO_PAY = "qris"
_LEADS_ON = ("pay", "otp", "card", "choose")
# The sandbox's test card; fields of other names are sent as they stand.
_TYPED = {"number": "4811 1111 1111 1114", "expiry": "12/30", "cvv": "123", "otp": "112233"}


def pay(url: str) -> dict[str, str]:
    """Open a payment page and pay, by QRIS where that is offered, else by card; what it tells the shop at the end."""
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
        filled = {name: _TYPED.get(name, value) for name, value in form.fields.items()}
        answer = _open(session, "POST", url, {**filled, button[0]: button[1]})
    raise StoryStopped(f"The payment page at {url} did not come to an end.")


def _next_press(html: str, url: str) -> tuple[Form, tuple[str, str]]:
    for wanted in _LEADS_ON:
        for form in forms_of(html, preferred=_WAY_TO_PAY):
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
