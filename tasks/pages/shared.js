"use strict";
(function () {
  document.documentElement.classList.add("js");
  // Of two choices side by side each has its own texts.
  document.querySelectorAll(".choose select").forEach(function (choice) {
    var examples = (choice.closest(".side") || document).querySelectorAll(".example");
    var show = function () {
      examples.forEach(function (example) { example.hidden = example.id !== choice.value; });
    };
    choice.addEventListener("change", show);
    show();
  });
  // A label at the right edge opens to the left.
  var turn = function (event) {
    var token = event.target;
    if (token.tagName === "I") token.classList.toggle("end", token.getBoundingClientRect().left > document.documentElement.clientWidth / 2);
  };
  document.addEventListener("pointerover", turn);
  document.addEventListener("focusin", turn);
  // A text is one tab stop; the arrow keys move among its tokens, left and right as one reads.
  document.addEventListener("keydown", function (event) {
    var text = event.target.closest(".text");
    var arrow = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
    if (!text || arrow < 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    var tokens = Array.from(text.querySelectorAll("i[tabindex]"));
    var ahead = (arrow === 1) === (getComputedStyle(text).direction === "ltr");
    var at = tokens.indexOf(event.target);
    var next = at < 0 ? tokens[ahead ? 0 : tokens.length - 1] : tokens[at + (ahead ? 1 : -1)];
    if (next) next.focus();
    event.preventDefault();
  });
})();
