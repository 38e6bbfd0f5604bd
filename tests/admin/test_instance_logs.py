"""A log that is followed: part by part, paused, from pod to pod, and while the cluster is silent."""

import html
import re

import pytest

from minispod.cluster.port import ClusterUnavailable
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.logs import WritingCluster
from tests.plugins.app import PortsNow


@pytest.fixture
def cluster(ports: PortsNow) -> WritingCluster:
    """A cluster on which the application has written two lines."""
    made = WritingCluster("first", "second")
    ports.change(cluster=made)
    return made


@pytest.fixture
def page(shop: Shop) -> str:
    """The address of the log."""
    return f"/admin/instances/{shop.instance.id}/logs"


def links(text: str) -> dict[str, str]:
    """Where the tail leads: by itself ("on"), and by its button."""
    tail = re.search(r'<p id="log-tail".*?</p>', text, re.DOTALL)
    assert tail is not None, text
    found = dict.fromkeys(("on", "Pause", "Resume"), "")
    own = re.search(r'^<p id="log-tail"[^>]*hx-get="([^"]+)"', tail[0])
    found["on"] = html.unescape(own[1]) if own else ""
    for target, label in re.findall(r'<a [^>]*hx-get="([^"]+)"[^>]*>(\w+)</a>', tail[0]):
        found[label] = html.unescape(target)
    return found


def lines(text: str) -> list[str]:
    """The lines in an answer."""
    return re.findall(r"<span>(.*?)\n</span>", text)


def test_each_line_comes_once(browser: Browser, page: str, cluster: WritingCluster) -> None:
    shown = browser.shown(page)
    assert lines(shown) == ["first", "second"]

    on = links(shown)["on"]
    assert browser.fragment(on).status_code == 204
    cluster.write("third", "fourth")
    part = browser.fragment(on)

    assert lines(part.text) == ["third", "fourth"]
    assert 'hx-swap-oob="beforeend:#log-lines"' in part.text
    assert "<html" not in part.text
    assert browser.fragment(links(part.text)["on"]).status_code == 204


def test_a_pause_asks_nobody_and_resuming_brings_what_came_meanwhile(
    browser: Browser, page: str, cluster: WritingCluster
) -> None:
    pause = links(browser.shown(page))["Pause"]
    asked = cluster.asked

    paused = browser.fragment(pause).text
    cluster.write("meanwhile")

    assert cluster.asked == asked
    assert links(paused)["on"] == "", "nothing goes on by itself"
    resumed = browser.fragment(links(paused)["Resume"])
    assert lines(resumed.text) == ["meanwhile"]
    assert links(resumed.text)["on"]


def test_resuming_without_a_new_line_goes_on(browser: Browser, page: str, cluster: WritingCluster) -> None:
    paused = browser.fragment(links(browser.shown(page))["Pause"]).text

    resumed = browser.fragment(links(paused)["Resume"])

    assert resumed.status_code == 200
    assert links(resumed.text)["on"]


def test_a_pod_that_is_replaced_is_waited_for_and_followed(
    browser: Browser, page: str, cluster: WritingCluster
) -> None:
    on = links(browser.shown(page))["on"]

    cluster.replace(None)
    assert browser.fragment(on).status_code == 204
    cluster.replace("app-2")
    cluster.write("of another pod")
    part = browser.fragment(on).text

    assert lines(part) == ["of another pod"]
    assert "from here on: app-2" in part
    assert "pod=app-2" in links(part)["on"]


def test_a_log_is_followed_from_before_its_first_line(
    browser: Browser, page: str, cluster: WritingCluster
) -> None:
    cluster.replace(None)
    shown = browser.shown(page)
    assert "No lines yet" in shown

    cluster.replace("app-1")
    cluster.write("the first of all")

    assert lines(browser.fragment(links(shown)["on"]).text) == ["the first of all"]


def test_a_silent_cluster_is_said_once_and_tried_again(
    browser: Browser, page: str, cluster: WritingCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = links(browser.shown(page))["on"]

    def silent(*_: object, **__: object) -> None:
        raise ClusterUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(cluster, "follow_logs", silent)
        said = browser.fragment(on)
        assert "Trying again" in said.text
        assert browser.fragment(links(said.text)["on"]).status_code == 204
    back = browser.fragment(links(said.text)["on"])

    assert back.status_code == 200
    assert "Trying again" not in back.text


def test_the_parts_lead_to_the_page_without_a_script(
    browser: Browser, page: str, cluster: WritingCluster
) -> None:
    answer = browser.get(links(browser.shown(page))["on"])

    assert answer.status_code in (302, 303)
    assert answer.location.startswith(page)


@pytest.mark.parametrize(
    "place",
    [
        "pod=../secrets&seconds=1&nanoseconds=1",
        "pod=app-1&seconds=x&nanoseconds=1",
        "pod=app-1&seconds=99999999999999999999&nanoseconds=1",
        "pod=app-1",
    ],
)
def test_a_place_that_makes_no_sense_is_the_beginning(
    browser: Browser, page: str, cluster: WritingCluster, place: str
) -> None:
    assert lines(browser.fragment(f"{page}/more?{place}").text) == ["first", "second"]


def test_following_does_not_count_as_work_of_the_administrator(
    browser: Browser, page: str, cluster: WritingCluster
) -> None:
    assert """hx-headers='{"X-Refresh": "auto"}'""" in browser.shown(page)
