"use strict";
(function () {
  var specs = JSON.parse(document.getElementById("specs").textContent);
  Object.keys(specs).forEach(function (id) {
    var place = document.getElementById("chart-" + id);
    if (!place) return;
    // ast: expressions are interpreted, so that the page may forbid eval.
    vegaEmbed(place, specs[id], { renderer: "svg", actions: false, ast: true }).catch(function (error) {
      place.textContent = "This chart could not be drawn: " + error.message;
    });
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
