"use strict";
(function () {
  var all = function (selector, within) { return Array.from((within || document).querySelectorAll(selector)); };
  // What scrolls sideways can be reached with the keyboard.
  var reach = function () {
    all(".scroll").forEach(function (box) { if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; });
  };
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();
  // A link opens what its target is closed in.
  var reveal = function () {
    var target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    var around = target.closest("details") || target.querySelector(":scope > .sentences, :scope > .more details.sentences, :scope > td details");
    if (around) around.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  reveal();

  // The words that were tried: search, filter and sort.
  var table = document.getElementById("tried");
  if (table) {
    var rows = all("tbody tr", table), find = document.getElementById("find");
    var by = ["verdict", "type"].map(function (name) { return [name, document.getElementById("by-" + name)]; });
    var show = function () {
      var sought = find.value.trim().toLowerCase(), shown = 0;
      rows.forEach(function (row) {
        var fits = row.cells[0].textContent.toLowerCase().indexOf(sought) >= 0 &&
          by.every(function (one) { return !one[1].value || row.dataset[one[0]] === one[1].value; });
        row.hidden = !fits;
        shown += fits;
      });
      document.getElementById("found").textContent = shown + " of " + rows.length;
    };
    find.addEventListener("input", show);
    by.forEach(function (one) { one[1].addEventListener("change", show); });
    show();
    all("th[data-sort]", table).forEach(function (head) {
      var button = document.createElement("button"), column = head.cellIndex, number = head.dataset.sort === "number";
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", function () {
        // The largest numbers and the first letters come first.
        var up = head.ariaSort ? head.ariaSort === "descending" : !number;
        all("th", table).forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.ariaSort = up ? "ascending" : "descending";
        var value = function (row) { var v = row.cells[column].dataset.v; return number ? (v === "" ? -Infinity : +v) : v; };
        rows.sort(function (a, b) {
          var one = value(a), other = value(b), order = number ? (one > other) - (one < other) : one.localeCompare(other);
          return up ? order : -order;
        });
        table.tBodies[0].append.apply(table.tBodies[0], rows);
      });
    });
  }

  // Words are coloured as wholes; the switch colours their tokens.
  all(".legend").forEach(function (legend) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "switch";
    button.textContent = "Colour tokens";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", function () {
      var tokens = document.documentElement.classList.toggle("tokens");
      all(".switch").forEach(function (other) { other.setAttribute("aria-pressed", tokens); });
      var label = function (element, on) {
        if (!element.dataset.label) element.dataset.label = element.getAttribute("aria-label");
        [["aria-label", element.dataset.label], ["role", "img"], ["tabindex", "-1"]].forEach(function (one) {
          if (on) element.setAttribute(one[0], one[1]); else element.removeAttribute(one[0]);
        });
      };
      all("i.whole").forEach(function (word) { label(word, !tokens); });
      all("i.t").forEach(function (token) { label(token, tokens); });
    });
    legend.append(" ", button);
  });

  all("pre.copy").forEach(function (code) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", function () {
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected: copy it";
    });
    code.after(button);
  });

  // Where one is in the page, and Escape to close what is shown beside a word.
  var links = all("nav a"), seen = new Map();
  var watch = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) { seen.set(entry.target.id, entry.isIntersecting); });
    var here = links.find(function (link) { return seen.get(link.hash.slice(1)); });
    if (here) links.forEach(function (link) {
      if (link === here) link.setAttribute("aria-current", "location"); else link.removeAttribute("aria-current");
    });
  }, { rootMargin: "-20% 0px -60% 0px" });
  all("main > section").forEach(function (section) { watch.observe(section); });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.documentElement.classList.add("quiet");
    var open = event.target.closest("details[open]"), text = event.target.closest(".text");
    if (text) text.focus();
    else if (open && event.target.closest("table, .sentences")) { open.open = false; open.querySelector("summary").focus(); }
  });
  ["pointerover", "focusin"].forEach(function (name) {
    document.addEventListener(name, function (event) {
      if (!event.target.matches(".text")) document.documentElement.classList.remove("quiet");
    });
  });
})();
