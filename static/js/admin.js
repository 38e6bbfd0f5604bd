/* What htmx cannot be told in attributes: when not to refresh, where the keyboard stays, what is sent once, and what to
   show when an answer fails. Every page works without this file. */
(() => {
  "use strict";

  const on = (name, act, early = false) => document.addEventListener(name, act, early);
  const live = () => document.querySelector("[data-live]");
  document.documentElement.classList.add("scripted");

  // A part that refreshes itself stays as it is while nobody looks, or somebody is asked or selects text in it.
  const isInUse = (part) => {
    const selection = document.getSelection();
    const isSelecting = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
    const isWriting = part.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), select, textarea");
    return document.hidden || isSelecting || isWriting || part.querySelector(":popover-open") !== null;
  };
  on("htmx:beforeRequest", (event) => {
    const part = event.detail.elt;
    if (part === live() && isInUse(part)) event.preventDefault();
  });
  // The answer may come when somebody has begun in between.
  on("htmx:beforeSwap", (event) => {
    const part = live();
    if (part && event.detail.elt === part && isInUse(part)) event.detail.shouldSwap = false;
  });

  // A form is on its way once: a second click waits for nothing and sends nothing.
  on("submit", (event) => {
    if (!event.target.classList.contains("htmx-request")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // The keyboard's place survives a refresh, and an act that leads back to its page: the same link or button has it again.
  const nameOf = (element) => {
    const found = ["id", "href", "popovertarget", "action"]
      .map((name) => element?.getAttribute(name) ?? element?.closest("form")?.getAttribute(name))
      .find(Boolean);
    return found && `${element.tagName} ${element.name ?? ""} ${found}`;
  };
  let place = null;
  let path = location.pathname;
  on("htmx:beforeSwap", (event) => {
    const part = event.detail.boosted ? document.body : live();
    const isReplaced = event.detail.boosted || event.detail.target === part;
    place = isReplaced && part?.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  });
  // What was ticked in a list stays ticked when the list refreshes itself.
  let ticked = [];
  on("htmx:beforeSwap", (event) => {
    const part = live();
    ticked = !event.detail.boosted && event.detail.elt === part ? [...part.querySelectorAll("input:checked")].map((each) => each.id) : [];
  });
  on("htmx:afterSwap", () => ticked.forEach((id) => { const box = id && document.getElementById(id); if (box) box.checked = true; }));
  // One tick in the head of a table stands for all of its rows.
  on("change", (event) => {
    if (!event.target.matches("[data-tick-all]")) return;
    event.target.closest("table").querySelectorAll("tbody input[type=checkbox]").forEach((each) => { each.checked = event.target.checked; });
  });

  // The server leaves the frame out of an answer when the one of that answer stands around this page already.
  const frame = document.querySelector("meta[name=frame]")?.content;
  const sections = () => document.getElementById("sections");
  on("htmx:configRequest", (event) => {
    if (frame && event.detail.boosted && sections()) event.detail.headers["X-Frame-Mark"] = frame;
  });
  // The count of alerts that comes beside a page has events of its own.
  const isPage = (event) => event.detail.boosted && event.target.matches("body, #main");
  // What of a frame that stays depends on the page, or was opened to leave it.
  const tidyFrame = () => {
    document.querySelectorAll(":popover-open").forEach((each) => each.hidePopover());
    document.querySelector("#find form")?.reset();
    const section = document.getElementById("main")?.dataset.section;
    sections()?.querySelectorAll("li a").forEach((each) => {
      if (each.pathname.split("/")[2] === section) each.ariaCurrent = "page";
      else each.removeAttribute("aria-current");
    });
  };

  const again = () =>
    place && [...document.querySelectorAll("main :is(a, button, input, select)")].find((each) => nameOf(each) === place);
  on("htmx:afterSwap", (event) => {
    if (isPage(event)) tidyFrame();
    if (event.detail.boosted) return;
    again()?.focus({ preventScroll: true });
    place = null;
  });

  // A page that could not be shown is told by the server's own page; a part is told in one line.
  const told = (isLost) => {
    const line = document.getElementById("connection");
    if (line) line.hidden = !isLost;
  };
  on("htmx:beforeSwap", (event) => {
    const failed = event.detail.xhr.status >= 400;
    if (failed && event.detail.boosted) event.detail.shouldSwap = true;
    else told(failed);
  });
  // Of two links the later one is what is wanted, whichever answer comes first, and though the other is an error.
  let wanted = null;
  on("htmx:beforeRequest", (event) => { if (event.detail.boosted) wanted = event.detail.xhr; });
  on("htmx:beforeSwap", ({ detail }) => {
    if (detail.boosted && detail.requestConfig.verb === "get" && detail.xhr !== wanted) detail.shouldSwap = false;
  });
  on("htmx:sendError", () => told(true));
  on("htmx:timeout", () => told(true));
  on("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status < 400) told(false);
  });

  // A log that is followed keeps its newest lines, and stays at its end unless somebody reads further up.
  const KEPT_LINES = 500;
  let isAtEnd = true;
  // What somebody presses there comes before lines that are on their way: those are read again when they are wanted.
  let newest = null;
  const dropOld = ({ detail }) => { if (detail.xhr !== newest) detail.shouldSwap = false; };
  on("htmx:beforeRequest", (event) => {
    const { elt, target, xhr } = event.detail;
    const isPressed = document.querySelector("#logs a.htmx-request") !== null;
    if (elt.matches("[data-follow]") && (document.hidden || isPressed)) event.preventDefault();
    else if (elt.closest("#logs")) {
      // Told to the element itself: it may have left the page when its answer comes.
      newest = xhr;
      target.addEventListener("htmx:beforeSwap", dropOld);
    }
  });
  on("htmx:oobBeforeSwap", () => {
    const log = document.getElementById("log-lines");
    isAtEnd = !log || log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  });
  on("htmx:oobAfterSwap", () => {
    const log = document.getElementById("log-lines");
    if (!log) return;
    while (log.childElementCount > KEPT_LINES) log.firstElementChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  });

  // What came of an act can be closed, and is read aloud: a region that comes with its text is passed over.
  const showOutcomes = () => {
    const outcomes = [...document.querySelectorAll(".outcome")];
    outcomes.forEach((each) => each.querySelector("[data-close]")?.removeAttribute("hidden"));
    const said = document.getElementById("said");
    if (said) said.textContent = outcomes.map((each) => each.querySelector(".message").textContent).join(" ");
  };
  on("click", (event) => event.target.closest?.("[data-close]")?.closest(".outcome").remove());

  // After another page came, a screen reader and the keyboard begin at its content, at the top, where a form says why it
  // was refused; an act that leads back to its own page leaves both where they were.
  on("htmx:afterSettle", (event) => {
    if (!isPage(event)) return;
    const shown = event.detail.pathInfo.responsePath.split("?")[0];
    const isSame = shown === path && event.detail.xhr.status < 400;
    path = shown;
    if (!isSame) window.scrollTo(0, 0);
    ((isSame && again()) || document.getElementById("main"))?.focus({ preventScroll: true });
    place = null;
    showOutcomes();
  });
  showOutcomes();

  // The first chart of a visit brings what draws charts; each then looks after itself (charts.js).
  const bringCharts = () => {
    const first = document.querySelector("chart-plot");
    if (first) import(first.dataset.source).then(({ begin }) => begin(first.dataset));
  };
  on("htmx:afterSettle", bringCharts);
  bringCharts();

  // Shortcuts; they are letters only while nobody writes. A second stroke in the list's empty search asks for everything.
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector(".dialog:popover-open")) return;
    const search = document.querySelector("main input[type=search]");
    const isSecond = search && event.target === search && search.value === "";
    if (event.target.matches("input, select, textarea") && !(event.key === "/" && isSecond)) return;
    const find = document.getElementById("find");
    if (event.key === "/" && search && !isSecond) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "/" && find) {
      event.preventDefault();
      find.showPopover();
    } else if (event.key === "?") document.getElementById("shortcuts")?.showPopover();
  });
})();
