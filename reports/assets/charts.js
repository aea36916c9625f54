// Draws every figure whose options stand beside it as JSON. Colours are custom properties, so
// dark mode and print restyle the drawing without drawing it again.
(function () {
  "use strict";
  if (typeof echarts === "undefined") return;
  var drawn = [];
  document.querySelectorAll("figure[data-chart]").forEach(function (figure) {
    var box = figure.querySelector(".chart");
    var payload = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    var chart = echarts.init(box, null, { renderer: "svg" });
    payload.options.textStyle.fontFamily = getComputedStyle(document.body).fontFamily;
    payload.options.tooltip.confine = true;
    payload.options.tooltip.transitionDuration = 0;
    payload.options.tooltip.padding = 0;
    payload.options.tooltip.formatter = function (params) {
      var at = params.length ? params[0].dataIndex : -1;
      var lines = payload.tips[at];
      if (!lines) return "";
      var tip = document.createElement("div");
      tip.className = "tip";
      lines.forEach(function (line) {
        tip.appendChild(document.createElement("div")).textContent = line;
      });
      return tip;
    };
    chart.setOption(payload.options);
    drawn.push({ chart: chart, box: box });
  });

  function fit(d) {
    var width = d.box.clientWidth, height = d.box.clientHeight;
    if (!width || !height) return;
    d.chart.resize({ width: width, height: height });
    d.chart.getZr().flush(); // else the next frame draws it, and paper has no next frame
  }
  var watch = new ResizeObserver(function (entries) {
    entries.forEach(function (e) {
      drawn.forEach(function (d) { if (d.box === e.target) fit(d); });
    });
  });
  drawn.forEach(function (d) { watch.observe(d.box); });

  // Paper cannot be clicked: the definitions go with it. The SQL stays on the screen.
  var closed = [];
  // The paper's width is known to CSS only after this event, so the class sets it.
  window.addEventListener("beforeprint", function () {
    document.documentElement.classList.add("printing");
    closed = Array.prototype.filter.call(document.querySelectorAll("details.all"), function (d) { return !d.open; });
    closed.forEach(function (d) { d.open = true; });
    drawn.forEach(fit);
  });
  window.addEventListener("afterprint", function () {
    document.documentElement.classList.remove("printing");
    closed.forEach(function (d) { d.open = false; });
    drawn.forEach(fit);
  });
})();
