/* What htmx cannot be told in attributes: when not to refresh, and what to show when an answer fails.
   Every page works without this file. */
(() => {
  "use strict";

  const live = () => document.querySelector("[data-live]");

  // A part that refreshes itself stays as it is while nobody looks, or somebody is asked or selects text in it.
  const isInUse = (part) => {
    const selection = document.getSelection();
    const isSelecting = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
    return document.hidden || isSelecting || part.querySelector(":popover-open") !== null;
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.detail.elt;
    if (part === live() && isInUse(part)) event.preventDefault();
  });

  // The keyboard's place survives a refresh: the same link or button has it again.
  const nameOf = (element) =>
    ["href", "popovertarget", "action"]
      .map((name) => element?.getAttribute(name) ?? element?.closest("form")?.getAttribute(name))
      .find(Boolean);
  let place = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = live();
    place = event.detail.target === part && part?.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!place) return;
    const again = [...(live()?.querySelectorAll("a, button") ?? [])].find((each) => nameOf(each) === place);
    again?.focus({ preventScroll: true });
    place = null;
  });

  // A page that could not be shown is told by the server's own page; a part is told in one line.
  const told = (isLost) => {
    const line = document.getElementById("connection");
    if (line) line.hidden = !isLost;
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    const failed = event.detail.xhr.status >= 400;
    if (failed && event.detail.boosted) event.detail.shouldSwap = true;
    else told(failed);
  });
  document.addEventListener("htmx:sendError", () => told(true));
  document.addEventListener("htmx:timeout", () => told(true));
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status < 400) told(false);
  });

  // After a page came in place of another, a screen reader and the keyboard begin at its content.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.boosted) document.getElementById("main")?.focus({ preventScroll: true });
    showWhereWeAre();
  });

  // On a narrow screen the navigation scrolls sideways: bring the current section into view.
  const showWhereWeAre = () =>
    document.querySelector("nav [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
  showWhereWeAre();
})();
