"""Charts in the browser: values by pointer and by keyboard, themes and sizes, and that they end with their page."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from minispod.admin.languages import COOKIE
from tests.browser.chromium import NARROW, WIDE, Tab
from tests.browser.gallery import SHOTS

pytestmark = pytest.mark.timeout(300)

REVENUE = "/admin/revenue"
_HAS_ITS_COLOURS = """(figure) => {
  const canvas = figure.querySelector("chart-plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] === 255) found.add(`rgb(${[...data.subarray(at, at + 3)].join(", ")})`);
  const keys = [...figure.querySelectorAll(".legend .key")].map((key) => getComputedStyle(key).backgroundColor);
  return keys.length > 0 && keys.every((each) => found.has(each)) && keys;
}"""
_AMOUNTS = """() => {
  const plots = [...document.querySelectorAll("chart-plot")];
  const drawn = plots.map(({ chart, plot }) => [chart?.unit, plot?.axes[1]._values]);
  return drawn.every(([, values]) => values) && drawn.flatMap(([unit, values]) => (unit === "rupiah" ? values : []));
}"""


def _chart(page: Page, title: str) -> Locator:
    chart = page.locator("figure.chart", has=page.get_by_text(title, exact=True))
    expect(chart.locator("canvas")).to_be_visible()
    return chart


def _point(chart: Locator, share: float) -> None:
    """Put the pointer at a share of the plot's width."""
    over = chart.locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    chart.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 3)


def test_the_pointer_reads_the_values_of_a_column(tab: Tab) -> None:
    tab.go(REVENUE)
    chart = _chart(tab.page, "What moved it")
    tip = chart.locator(".chart-tip")
    expect(tip).to_be_hidden()

    _point(chart, 11.5 / 12)

    expect(tip).to_be_visible()
    expect(tip.locator("strong")).to_have_text("November 2026")
    expect(tip.locator("> span")).to_have_text(
        ["newRp 150,000", "reactivationRp 90,000", "expansionRp 70,000", "contraction−Rp 50,000"]
    )
    tab.page.screenshot(path=SHOTS / "chart-pointer-columns.png")
    _point(chart, 10.5 / 12)
    expect(tip.locator("> span")).to_have_text(["newRp 160,000", "churn−Rp 80,000"])
    tab.page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    assert tab.wrongs + tab.forbidden() == []


def test_the_keyboard_reads_what_the_pointer_reads(tab: Tab) -> None:
    tab.go(REVENUE)
    chart = _chart(tab.page, "What moved it")
    reader = chart.get_by_role("slider", name="What moved it")
    _chart(tab.page, "MRR at the end of each month").get_by_role("slider").focus()

    tab.page.keyboard.press("Tab")
    expect(reader).to_be_focused()
    expect(reader).to_have_attribute(
        "aria-valuetext",
        "November 2026: new Rp\u00a0150,000, reactivation Rp\u00a090,000, "
        "expansion Rp\u00a070,000, contraction −Rp\u00a050,000",
    )
    tab.page.keyboard.press("ArrowLeft")
    expect(reader).to_have_attribute(
        "aria-valuetext", "October 2026: new Rp\u00a0160,000, churn −Rp\u00a080,000"
    )
    tip = chart.locator(".chart-tip")
    expect(tip).to_contain_text("October 2026")
    tab.page.screenshot(path=SHOTS / "chart-keyboard-columns.png")
    assert tab.against_access() == []
    tab.page.keyboard.press("Home")
    expect(reader).to_have_attribute("aria-valuetext", "December 2025: new Rp\u00a00")
    tab.page.keyboard.press("Tab")
    expect(tip).to_be_hidden()
    assert tab.wrongs + tab.forbidden() == []


def test_where_nothing_was_read_a_line_has_a_gap(tab: Tab, ids: dict[str, str]) -> None:
    tab.go(f"/admin/instances/{ids['instance_id']}/usage")
    chart = _chart(tab.page, "CPU, per cent of the plan")
    reader = chart.get_by_role("slider")
    reader.focus()

    # The newest quarter of an hour is the last of 96; the 30th to the 33rd before the end were not read.
    for _ in range(32):
        tab.page.keyboard.press("ArrowLeft")

    expect(reader).to_have_attribute("aria-valuetext", "Fri 20 Nov, 01:45: nothing was read")
    expect(chart.locator(".chart-tip")).to_contain_text("nothing was read")
    tab.page.keyboard.press("Home")
    _point(chart, 0.3)
    expect(chart.locator(".chart-tip > span")).to_have_count(2)
    told = chart.locator(".chart-tip strong").inner_text()
    tab.page.screenshot(path=SHOTS / "chart-pointer-lines.png")
    chart.get_by_text("Figures").click()
    row = chart.locator("tbody tr", has_text=told.split(", ")[1]).first
    expect(row).to_contain_text(chart.locator(".chart-tip b").first.inner_text())
    expect(chart.locator("tbody tr")).to_have_count(88)
    assert tab.too_wide() + tab.against_access() + tab.wrongs + tab.forbidden() == []


@pytest.mark.parametrize(
    ("language", "pattern"), [("en", r"Rp\s[\d.]+[km]?"), ("id", r"Rp\s[\d,]+(\srb|\sjt)?")]
)
def test_an_axis_writes_large_amounts_short_in_the_language_of_its_page(
    tab: Tab, server: str, language: str, pattern: str
) -> None:
    tab.page.context.add_cookies([{"name": COOKIE, "value": language, "url": server}])
    tab.go(REVENUE)

    amounts = tab.page.wait_for_function(_AMOUNTS).json_value()

    assert [each for each in amounts if not re.fullmatch(f"−?{pattern}", each)] == []
    unit = {"en": "k", "id": "\u00a0rb"}[language]
    assert any(each.endswith(unit) for each in amounts), amounts


def test_a_chart_speaks_the_language_of_its_page(tab: Tab, server: str, ids: dict[str, str]) -> None:
    tab.page.context.add_cookies([{"name": COOKIE, "value": "id", "url": server}])
    tab.go(REVENUE)
    expect(tab.page.locator("html")).to_have_attribute("lang", "id")
    _point(tab.page.locator("figure.chart").nth(1), 11.5 / 12)
    expect(tab.page.locator(".chart-tip").nth(1)).to_contain_text("Rp\u00a0150.000")

    tab.go(f"/admin/instances/{ids['instance_id']}/usage")
    chart = tab.page.locator("figure.chart").first
    _point(chart, 63.5 / 96)
    expect(chart.locator(".chart-tip")).to_contain_text("tidak ada yang dibaca")
    expect(chart.locator(".chart-tip strong")).to_have_text("Jum, 20 Nov, 01.45")
    assert tab.wrongs + tab.forbidden() == []


def test_a_chart_follows_the_theme_and_the_size_while_it_is_open(tab: Tab) -> None:
    page = tab.page
    tab.go(REVENUE)
    chart = _chart(page, "What moved it")
    drawn = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        # The browser tells the page of its theme some time later.
        drawn.append(page.wait_for_function(_HAS_ITS_COLOURS, arg=chart.element_handle()).json_value())
    assert not set(drawn[0]) & set(drawn[1])
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        room = chart.locator("chart-plot")
        page.wait_for_function(
            "(plot) => plot.querySelector('.uplot').offsetWidth === plot.clientWidth",
            arg=room.element_handle(),
        )
        assert tab.too_wide() == []


@pytest.fixture
def loaded(tab: Tab) -> Callable[[], list[str]]:
    """The names of the scripts and style sheets that were asked for so far."""
    asked: list[str] = []
    tab.page.on(
        "request",
        lambda request: request.resource_type in ("script", "stylesheet") and asked.append(request.url),
    )
    return lambda: [Path(urlsplit(each).path).name for each in asked]


def test_charts_are_brought_by_the_first_page_that_has_one_and_end_with_it(
    tab: Tab, loaded: Callable[[], list[str]]
) -> None:
    page = tab.page
    tab.go("/admin/")
    assert loaded() == ["admin.css", "htmx.min.js", "admin.js"]

    page.get_by_role("link", name="Revenue", exact=True).click()
    old = _chart(page, "What moved it").locator("chart-plot").element_handle()
    assert loaded()[3:] == ["charts.js", "uPlot.min.css", "uPlot.iife.min.js"]
    page.get_by_role("link", name="Forecast").click()
    _chart(page, "What falls due")

    assert old.evaluate("(plot) => [plot.isConnected, plot.plot, plot.childElementCount]") == [False, None, 0]
    assert len(loaded()) == 6
    assert tab.wrongs + tab.forbidden() == []


def test_a_chart_has_its_place_before_anything_is_drawn(tab: Tab) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    tab.page.route("**/js/admin.js*", hold)
    tab.page.goto(REVENUE, wait_until="commit")
    below = tab.page.locator("figure.chart + .table-wrap, .columns:has(.chart) + .table-wrap").first
    expect(below).to_be_visible()
    before = below.bounding_box()
    assert tab.page.locator("chart-plot canvas").count() == 0

    while not held:
        tab.page.wait_for_timeout(10)
    held[0].continue_()

    _chart(tab.page, "What moved it")
    assert below.bounding_box() == before


def test_what_draws_charts_is_asked_for_again_where_it_did_not_come(tab: Tab) -> None:
    page = tab.page
    page.route("**/uPlot.iife.min.js*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        tab.go(REVENUE)
    expect(page.locator("chart-plot canvas")).to_have_count(0)

    page.unroute("**/uPlot.iife.min.js*")
    page.get_by_role("link", name="Forecast").click()

    _chart(page, "What falls due")


def test_a_chart_that_is_replaced_is_there_at_once_and_still_reads_its_point(tab: Tab) -> None:
    tab.go(REVENUE)
    chart = _chart(tab.page, "What moved it")
    _point(chart, 10.5 / 12)
    expect(chart.locator(".chart-tip")).to_contain_text("October 2026")

    # As htmx puts a part of the page in the place of its old state; looked at in the next frame.
    painted = tab.page.evaluate("""() => {
      const section = document.querySelector("section[aria-labelledby=months-title]");
      const plain = section.cloneNode(true);
      plain.querySelectorAll("chart-plot").forEach((each) => each.replaceChildren());
      htmx.swap(section, plain.outerHTML, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
      return new Promise((done) => requestAnimationFrame(() => done(
        [...document.querySelectorAll("chart-plot canvas")].map((each) =>
          each.getContext("2d").getImageData(0, 0, each.width, each.height).data.some(Boolean)))));
    }""")

    assert painted == [True, True]
    expect(chart.locator(".chart-tip")).to_contain_text("October 2026")
    expect(chart.locator(".uplot")).to_have_count(1)
    assert tab.wrongs + tab.forbidden() == []
