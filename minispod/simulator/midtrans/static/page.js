// The payment page's own script: counts down, and inside a frame tells the page around it how it ended.
"use strict";
(function () {
  const clock = document.getElementById("countdown");
  if (clock) {
    const end = Date.now() + Number(clock.dataset.seconds) * 1000;
    const show = function () {
      const left = Math.max(0, Math.round((end - Date.now()) / 1000));
      const hours = Math.floor(left / 3600);
      const minutes = String(Math.floor(left / 60) % 60).padStart(2, "0");
      clock.textContent = " (" + hours + ":" + minutes + ":" + String(left % 60).padStart(2, "0") + " left)";
    };
    show();
    setInterval(show, 1000);
  }
  const ended = document.getElementById("result");
  const parentOrigin = ended && ended.dataset.parentOrigin;
  if (parentOrigin && window.parent !== window) {
    window.parent.postMessage({ source: "midsim", result: JSON.parse(ended.dataset.result) }, parentOrigin);
  }
})();
