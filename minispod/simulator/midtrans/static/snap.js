// window.snap as merchants use it: the payment page in a frame, its end reported to callbacks.
// Callbacks are for display only; what counts is the notification.
"use strict";
(function () {
  const home = new URL(document.currentScript.src).origin;
  const PAID = ["settlement", "capture"];
  let frame = null;
  let options = {};

  function hide() {
    if (frame) {
      frame.remove();
      frame = null;
    }
  }

  function report(name, result) {
    if (typeof options[name] === "function") {
      options[name](result);
    }
  }

  window.addEventListener("message", function (event) {
    if (!frame || event.origin !== home || event.source !== frame.contentWindow) {
      return;
    }
    if (!event.data || event.data.source !== "midsim") {
      return;
    }
    const result = event.data.result;
    hide();
    if (!result) {
      report("onClose");
    } else if (PAID.includes(result.transaction_status)) {
      report("onSuccess", result);
    } else if (result.transaction_status === "pending") {
      report("onPending", result);
    } else {
      report("onError", result);
    }
  });

  function open(token, given, into) {
    hide();
    options = given || {};
    frame = document.createElement("iframe");
    frame.src = home + "/snap/v4/redirection/" + encodeURIComponent(token) + "?embed=1";
    frame.title = "Payment (simulation)";
    if (into) {
      frame.width = "100%";
      frame.height = "640";
    } else {
      Object.assign(frame.style, { position: "fixed", inset: "0", width: "100%", height: "100%", border: "0", zIndex: "2147483647" });
    }
    (into || document.body).appendChild(frame);
  }

  window.snap = {
    pay: function (token, given) { open(token, given, null); },
    embed: function (token, given) { open(token, given, document.getElementById(given.embedId)); },
    show: function () { if (frame) { frame.hidden = false; } },
    hide: hide,
  };
})();
