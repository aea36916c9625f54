// Makes the page's figures live: charts, filters, tables, CSV, rows behind a mark. Every number comes
// from the data beside its figure; nothing is computed here, nothing is asked of a network, and
// nothing is remembered. Colours are custom properties, so that light, dark and paper need no new drawing.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("live");
  var everything = ["all", "all", "all"];
  var figures = [];

  function each(list, f) { Array.prototype.forEach.call(list, f); }
  function make(name, text, cls) {
    var e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    if (cls) e.className = cls;
    return e;
  }

  // How a value is written: as package reports writes it.
  var kinds = {
    percent: { factor: 100, digits: 1, suffix: "%" },
    permille: { factor: 1000, digits: 2, suffix: "" },
    points: { factor: 100, digits: 1, suffix: " pp", signed: true },
    number: { factor: 1, digits: 2, suffix: "" },
    money: { factor: 1, digits: 4, suffix: "" },
    permille_change: { factor: 1000, digits: 2, suffix: "", signed: true },
    change: { factor: 1, digits: 2, suffix: "", signed: true },
    count: { factor: 1, digits: 0, suffix: "", grouped: true }
  };
  function write(value, kind) {
    var k = kinds[kind];
    if (value === null || value === undefined) return "";
    if (!k || typeof value === "string") return String(value);
    var large = (kind === "number" || kind === "change") && Math.abs(value) >= 100;
    var text = Math.abs(value * k.factor).toFixed(large ? 0 : k.digits);
    if (k.grouped || large) text = text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
    if (value < 0) text = "\u2212" + text;
    else if (k.signed && value > 0) text = "+" + text;
    return text + k.suffix;
  }
  function column(columns, key) {
    for (var i = 0; i < columns.length; i++) if (columns[i].key === key) return i;
    return -1;
  }

  // The tooltip of a row of the table: its name, the estimate, the interval, the rest.
  function tip(columns, row) {
    var box = make("div", undefined, "tip");
    var lower = column(columns, "lower"), upper = column(columns, "upper"), why = column(columns, "why");
    var named = [], rest = [], main = null, interval = null;
    columns.forEach(function (c, i) {
      var text = write(row[i], c.kind);
      if (i === why || i === lower || i === upper) return;
      if (c.main) main = text || (why >= 0 && row[why]) || "not shown";
      else if (!text) return;
      else if (c.kind === "text") named.push(text);
      else rest.push(c.title.toLowerCase() + " " + text);
    });
    if (lower >= 0 && row[lower] !== null) interval = "95% interval " + write(row[lower], columns[lower].kind) + " to " + write(row[upper], columns[upper].kind);
    box.appendChild(make("div", named.join(", ")));
    if (main !== null) box.appendChild(make("div", main, "main"));
    if (interval) box.appendChild(make("div", interval));
    rest.forEach(function (text) { box.appendChild(make("div", text)); });
    return box;
  }

  function clone(value) { return JSON.parse(JSON.stringify(value)); }

  // The row of the table that a mark stands for is the last of its values.
  function rowOf(params) {
    var value = params && params.value;
    return value && value.length > 2 ? value[value.length - 1] : null;
  }

  // The page is readable as it is: drawings, numbers, definitions. The data of the figures and the chart
  // library are packed in it, and bring it to life.
  each(document.querySelectorAll("[data-do=table]"), function (button) {
    button.closest("figure").querySelector(".proof").classList.add("closed");
    button.setAttribute("aria-expanded", "false");
  });
  function unpack(id) {
    var packed = document.getElementById(id);
    if (!packed || typeof DecompressionStream === "undefined") return Promise.resolve(null);
    var text = atob(packed.textContent), bytes = new Uint8Array(text.length);
    for (var i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }
  Promise.all([unpack("data"), unpack("library")]).then(function (got) {
    if (got[1]) document.head.appendChild(make("script", got[1])); // the policy names its hash
    if (got[0]) JSON.parse(got[0]).forEach(live);
    begin();
    root.dataset.ready = "true";
  });
  function live(data) {
    var element = document.getElementById(data.id);
    var figure = { element: element, data: data, view: data.views[0], charts: [], body: element.querySelector("tbody") };
    figure.heading = element.querySelector("h3");
    figure.n = element.querySelector(".meta .n");
    figure.absent = element.querySelector(".absent");
    figure.original = { finding: figure.heading.textContent, rows: figure.body.innerHTML };
    figures.push(figure);
    element.classList.add("ready");
  }

  // Charts are drawn when they come near the screen: the first is there at once, however many follow.
  function draw(figure, i, box) {
    var chart = echarts.init(box, null, { renderer: "svg", width: box.clientWidth || undefined, height: box.clientHeight || undefined });
    figure.charts[i] = { chart: chart, box: box };
    show(figure, i);
    if (figure.data.behind) chart.on("click", function (params) { behind(figure, rowOf(params)); });
  }
  function show(figure, i) {
    var drawn = figure.charts[i];
    if (!drawn) return;
    var options = clone(figure.data.views[0].charts[i]);
    options.textStyle = { fontFamily: getComputedStyle(document.body).fontFamily };
    options.tooltip.confine = true;
    options.tooltip.transitionDuration = 0;
    options.tooltip.padding = 0;
    options.tooltip.extraCssText = "box-shadow:none";
    options.tooltip.formatter = function (params) {
      var box = make("div"), seen = [];
      (Array.isArray(params) ? params : [params]).forEach(function (p) {
        var row = rowOf(p);
        if (row === null || seen.indexOf(row) >= 0 || !figure.view.rows[row]) return;
        seen.push(row);
        box.appendChild(tip(figure.data.columns, figure.view.rows[row]));
      });
      return seen.length ? box : "";
    };
    drawn.chart.setOption(options, true);
    var change = figure.view !== figure.data.views[0] && figure.view.charts[i];
    if (change) {
      drawn.chart.setOption(clone(change.options));
      drawn.box.setAttribute("aria-label", change.label);
    } else {
      drawn.box.setAttribute("aria-label", drawn.label || (drawn.label = drawn.box.getAttribute("aria-label")));
    }
  }
  function fit(drawn) {
    var width = drawn.box.clientWidth, height = drawn.box.clientHeight;
    if (!width || !height) return;
    drawn.chart.resize({ width: width, height: height });
    drawn.chart.getZr().flush(); // else the next frame draws it, and paper has no next frame
  }
  function place(box) {
    var found = null;
    figures.forEach(function (figure) {
      each(figure.element.querySelectorAll(".chart"), function (b, i) { if (b === box) found = { figure: figure, i: i }; });
    });
    return found;
  }
  function start(box) {
    var at = place(box);
    if (at.figure.charts[at.i]) return;
    at.label = box.getAttribute("aria-label");
    box.textContent = ""; // the drawing that was there for those without scripts
    draw(at.figure, at.i, box);
    if (performance.mark && !performance.getEntriesByName("chart").length) performance.mark("chart");
    at.figure.charts[at.i].label = at.label;
    resized.observe(box);
  }
  var resized = new ResizeObserver(function (entries) {
    entries.forEach(function (e) {
      var at = place(e.target);
      if (at && at.figure.charts[at.i]) fit(at.figure.charts[at.i]);
    });
  });
  function begin() {
    if (form && figures.length) form.hidden = false;
    if (typeof echarts === "undefined") return;
    var near = new IntersectionObserver(function (entries) {
      entries.forEach(function (e) {
        if (!e.isIntersecting) return;
        near.unobserve(e.target);
        start(e.target);
      });
    }, { rootMargin: "600px" });
    each(document.querySelectorAll(".chart"), function (box) { near.observe(box); });
  }

  // Filters choose among the slices that SQL computed. A figure without the slice says so.
  var form = document.querySelector(".filters");
  function chosen() {
    return ["channel", "market", "category"].map(function (name) {
      var select = form.elements[name];
      return select ? select.value : "all";
    });
  }
  function words(slice) {
    var parts = [];
    ["channel", "market", "category"].forEach(function (name, i) { if (slice[i] !== "all") parts.push(name + " " + slice[i]); });
    return parts.join(" and ") || "everything together";
  }
  function filter() {
    var slice = chosen(), shown = 0, whole = slice.join() === everything.join();
    figures.forEach(function (figure) {
      var view = null;
      figure.data.views.forEach(function (v) { if (v.slice.join("\n") === slice.join("\n")) view = v; });
      if (view) shown++;
      figure.element.classList.toggle("without", !view);
      figure.absent.hidden = !!view;
      if (!view) {
        figure.absent.textContent = "Not computed for " + words(slice) + ".";
        return;
      }
      figure.view = view;
      figure.heading.textContent = whole ? figure.original.finding : view.finding;
      figure.n.textContent = view.n;
      if (whole) figure.body.innerHTML = figure.original.rows; // our own, as it came
      else fill(figure, view);
      figure.charts.forEach(function (_, i) { show(figure, i); });
    });
    form.querySelector("[role=status]").textContent = whole ? "" : shown + " of " + figures.length + " figures are computed for " + words(slice) + ".";
  }
  function fill(figure, view) {
    var columns = figure.data.columns, why = column(columns, "why");
    figure.body.textContent = "";
    view.rows.forEach(function (row) {
      var line = figure.body.appendChild(make("tr"));
      columns.forEach(function (c, i) {
        if (i === why) return;
        var none = row[i] === null;
        var text = none && c.main ? (why >= 0 && row[why]) || "not shown" : write(row[i], c.kind);
        var cell = line.appendChild(make(line.children.length ? "td" : "th", text, none ? "none" : c.kind === "text" ? (text.length > 24 ? "text long" : "text") : ""));
        if (cell.tagName === "TH") cell.scope = "row";
      });
      if (figure.data.behind) line.appendChild(make("td", "", "act"));
    });
  }
  if (form) {
    form.addEventListener("change", filter);
    form.addEventListener("submit", function (e) { e.preventDefault(); });
  }

  // CSV has the values as the database gave them. A cell that a spreadsheet would take for a formula
  // gets an apostrophe.
  function csv(columns, rows) {
    function field(value) {
      if (value === null || value === undefined) return "";
      var text = String(value);
      if (typeof value === "string" && /^[=+\-@\t\r\n]/.test(text)) text = "'" + text;
      return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    }
    var lines = [columns.map(function (c) { return c.key; })].concat(rows);
    return lines.map(function (line) { return line.map(field).join(","); }).join("\r\n") + "\r\n";
  }
  function save(name, text) {
    var link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = name;
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }

  // The rows behind a mark, where the page holds them: of everything together, above the privacy floor.
  var dialog = document.querySelector("dialog");
  function behind(figure, row) {
    var data = figure.data.behind;
    if (row === null || !data || figure.view !== figure.data.views[0]) return;
    var rows = data.rows[row], name = write(figure.view.rows[row][0], figure.data.columns[0].kind);
    if (!rows) return;
    dialog.querySelector("h2").textContent = data.title + ": " + name;
    dialog.querySelector(".under").textContent = rows.length + " of those counted, chosen by a hash. Contacts are pseudonyms.";
    var table = make("table"), head = table.appendChild(make("thead")).appendChild(make("tr")), body = table.appendChild(make("tbody"));
    data.columns.forEach(function (c) { head.appendChild(make("th", c.title, "text")).scope = "col"; });
    rows.forEach(function (r) {
      var line = body.appendChild(make("tr"));
      data.columns.forEach(function (c, i) { line.appendChild(make("td", write(r[i], c.kind), "text")); });
    });
    var place = dialog.querySelector(".scroll");
    place.textContent = "";
    place.appendChild(table);
    dialog.showModal();
  }

  function said(button, text) {
    var was = button.textContent;
    button.textContent = text;
    setTimeout(function () { button.textContent = was; }, 1500);
  }
  function copy(button, text) {
    function old() { // where the browser has no clipboard for files
      var area = document.body.appendChild(make("textarea", text));
      area.select();
      document.execCommand("copy");
      area.remove();
      said(button, "Copied");
    }
    if (!navigator.clipboard) return old();
    navigator.clipboard.writeText(text).then(function () { said(button, "Copied"); }, old);
  }
  function toggle(button) {
    var open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    button.closest("figure").querySelector(".proof").classList.toggle("closed", !open);
  }
  document.addEventListener("click", function (e) {
    var button = e.target.closest("[data-do]");
    if (!button) return;
    var element = button.closest("figure"), figure = null;
    figures.forEach(function (f) { if (f.element === element) figure = f; });
    switch (button.dataset.do) {
      case "table": toggle(button); break;
      case "csv": save(figure.data.id + ".csv", csv(figure.data.columns, figure.view.rows)); break;
      case "sql": copy(button, document.getElementById(button.dataset.sql).textContent); break;
      case "behind": behind(figure, Number(button.dataset.row)); break;
      case "reset": form.reset(); filter(); break;
      case "scheme":
        var dark = getComputedStyle(root).colorScheme === "dark" || getComputedStyle(root).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches;
        root.style.colorScheme = dark ? "light" : "dark";
    }
  });
  each(document.querySelectorAll("[data-do=scheme]"), function (button) { button.hidden = false; });

  // A link to a definition or a figure opens what it leads to.
  function arrive() {
    var to = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    var closed = to && to.closest("details");
    if (closed) closed.open = true;
  }
  window.addEventListener("hashchange", arrive);
  arrive();

  // Paper cannot be clicked: definitions and tables go with it. The SQL stays on the screen.
  // The paper's width is known to CSS only after this event, so the class sets it.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    root.classList.add("printing");
    opened = Array.prototype.filter.call(document.querySelectorAll("details.all"), function (d) { return !d.open; });
    opened.forEach(function (d) { d.open = true; });
    if (typeof echarts !== "undefined") each(document.querySelectorAll(".chart"), start);
    figures.forEach(function (f) { f.charts.forEach(fit); });
  });
  window.addEventListener("afterprint", function () {
    root.classList.remove("printing");
    opened.forEach(function (d) { d.open = false; });
    figures.forEach(function (f) { f.charts.forEach(fit); });
  });
})();
