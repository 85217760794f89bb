"use strict";
(function () {
  var specs = JSON.parse(document.getElementById("specs").textContent);
  document.documentElement.classList.add("js");
  Object.keys(specs).forEach(function (id) {
    var place = document.getElementById("chart-" + id);
    if (!place) return;
    // ast: expressions are interpreted, so that the page may forbid eval.
    vegaEmbed(place, specs[id], { renderer: "svg", actions: false, ast: true }).catch(function (error) {
      place.textContent = "This chart could not be drawn: " + error.message;
    });
  });
  var choice = document.getElementById("choice");
  if (choice) {
    var examples = document.querySelectorAll("#browser .example");
    var show = function () {
      examples.forEach(function (example) { example.hidden = example.id !== choice.value; });
    };
    choice.addEventListener("change", show);
    show();
  }
  // A label at the right edge opens to the left.
  var turn = function (event) {
    var token = event.target;
    if (token.tagName === "I") token.classList.toggle("end", token.getBoundingClientRect().left > document.documentElement.clientWidth / 2);
  };
  document.addEventListener("pointerover", turn);
  document.addEventListener("focusin", turn);
  // A sentence is one tab stop; the arrow keys move among its tokens, left and right as one reads.
  document.addEventListener("keydown", function (event) {
    var sentence = event.target.closest(".sentence .text");
    var arrow = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
    if (!sentence || arrow < 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    var tokens = Array.from(sentence.querySelectorAll("i"));
    var ahead = (arrow === 1) === (getComputedStyle(sentence).direction === "ltr");
    var at = tokens.indexOf(event.target);
    var next = at < 0 ? tokens[ahead ? 0 : tokens.length - 1] : tokens[at + (ahead ? 1 : -1)];
    if (next) next.focus();
    event.preventDefault();
  });
  var reveal = function () {
    var target = location.hash && document.getElementById(location.hash.slice(1));
    var around = target && (target.closest("details") || target.querySelector(":scope > .sentences, :scope > .more details"));
    if (!around) return;
    around.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  reveal();
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (details) { details.open = true; });
  });
})();
