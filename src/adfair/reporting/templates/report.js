(function () {
  "use strict";
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const narrow = window.matchMedia("(max-width: 640px)");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let chosen = null;
  let printing = false;

  function dark() {
    return !printing && (chosen ? chosen === "dark" : system.matches);
  }

  function token(name) {
    return getComputedStyle(root).getPropertyValue("--" + name).trim();
  }

  // Plotly reads a few tags and entities in text; names from the data must stay plain text.
  function plain(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }

  function shorten(text) {
    const most = narrow.matches ? 22 : 30;
    return text.length > most ? text.slice(0, most - 1) + "…" : text;
  }

  function resolve(value, key) {
    if (Array.isArray(value)) return value.map((item) => resolve(item, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v, k)]));
    }
    if (typeof value !== "string" || key === "hovertemplate") return value;
    if (/color$/i.test(key) && value[0] === "@") return token(value.slice(1));
    return plain(key === "ticktext" || key === "name" ? shorten(value) : value);
  }

  function layoutOf(own, height) {
    const font = getComputedStyle(document.body).fontFamily;
    const axis = {
      gridcolor: token("rule"), linecolor: token("rule"), zerolinecolor: token("rule"),
      tickfont: { color: token("soft"), size: 12 }, automargin: true, fixedrange: true, ticks: "",
    };
    const title = { font: { size: 12, color: token("soft") }, standoff: 10 };
    const layout = Object.assign({}, own, {
      height: height, autosize: true, paper_bgcolor: token("card"), plot_bgcolor: token("card"),
      font: { family: font, color: token("ink"), size: 13 },
      margin: { l: 8, r: 14, t: 34, b: 40, pad: 6 },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", font: { size: 11.5, color: token("soft") },
        bgcolor: "rgba(0,0,0,0)", itemclick: false, itemdoubleclick: false },
      hoverlabel: { bgcolor: token("ink"), bordercolor: token("ink"), font: { color: token("card"), family: font, size: 12.5 }, namelength: -1 },
      hovermode: "closest", dragmode: false, showlegend: true,
    });
    for (const name of Object.keys(Object.assign({ xaxis: 0, yaxis: 0 }, own)).filter((key) => /^[xy]axis/.test(key))) {
      const mine = own[name] || {};
      layout[name] = Object.assign({}, axis, mine);
      if (mine.title) layout[name].title = Object.assign({}, title, mine.title);
    }
    return layout;
  }

  // What the reader has chosen: positions in the explorer's lists, and names for the rest of the page.
  const state = { finding: "", attribute: "", model: "", modelLabel: "" };

  const figures = Array.from(document.querySelectorAll(".plot")).map(function (node) {
    const data = document.getElementById(node.id + "-data");
    const title = document.getElementById(node.id + "-title");
    return {
      node: node, family: node.dataset.family, variant: 0, near: false,
      content: data ? JSON.parse(data.textContent) : { title: title.textContent, height: 320, attributes: [], model: "" },
    };
  });

  // Numbers on bars stand side by side, so they are left to the table where many bars share little room.
  function roomy(traces) {
    const bars = traces.filter((t) => t.type === "bar").length;
    return bars > (narrow.matches ? 2 : 4) ? traces.filter((t) => t.mode !== "text") : traces;
  }

  function filtered(variant) {
    const traces = roomy(state.model ? variant.traces.filter((t) => t.meta === undefined || t.meta === state.model) : variant.traces);
    const shapes = variant.layout.shapes;
    const row = state.finding ? ((variant.layout.yaxis || {}).ticktext || []).indexOf(state.finding) : -1;
    if (row < 0 || !shapes || !shapes.length) return { traces: traces, layout: variant.layout };
    const band = Object.assign({}, shapes[0], { y0: row - 0.5, y1: row + 0.5 });
    return { traces: traces, layout: Object.assign({}, variant.layout, { shapes: [band] }) };
  }

  function draw(figure) {
    if (!figure.near || figure.node.closest("[hidden]")) return null;
    const variant = figure.build ? figure.build() : filtered(figure.content.variants[figure.variant]);
    if (variant.height) figure.content.height = variant.height;
    const traces = resolve(variant.traces, "");
    const layout = layoutOf(resolve(variant.layout, ""), figure.content.height);
    return window.Plotly.react(figure.node, traces, layout, { displayModeBar: false, responsive: true, staticPlot: false, scrollZoom: false });
  }

  // One figure a turn, what is in view first: the page answers between them.
  let waiting = [];
  function turn() {
    const figure = waiting.shift();
    if (waiting.length) setTimeout(turn);
    if (figure.near) return;
    figure.near = true;
    draw(figure);
  }

  // A figure is drawn when the reader comes near it, so that a long page opens at once.
  const watcher = new IntersectionObserver(function (entries) {
    const came = entries.filter((entry) => entry.isIntersecting);
    came.forEach((entry) => watcher.unobserve(entry.target));
    const added = came.map((entry) => figures.find((item) => item.node === entry.target));
    const seen = (figure) => figure.node.getBoundingClientRect().top < window.innerHeight;
    if (!waiting.length && added.length) setTimeout(turn);
    waiting = [...added.filter(seen), ...waiting, ...added.filter((figure) => !seen(figure))];
  }, { rootMargin: "400px" });

  function drawAll() {
    figures.forEach(function (figure) {
      figure.near = true;
      watcher.unobserve(figure.node);
      draw(figure);
    });
  }

  function paint() {
    root.dataset.theme = dark() ? "dark" : "light";
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Switch to light colours" : "Switch to dark colours");
    figures.forEach(draw);
  }

  // On its own, away from the page, a figure needs its title.
  function titled(figure) {
    const text = { text: plain(figure.content.title), x: 0.01, xanchor: "left", y: 0.98, yanchor: "top", font: { size: 16 } };
    const layout = figure.node.layout;
    const margin = Object.assign({}, layout.margin, { t: layout.margin.t + 30 });
    return { data: figure.node.data, layout: Object.assign({}, layout, { title: text, margin: margin }) };
  }

  // Plotly's own way to PNG goes through a blob address, which the page's policy refuses.
  function raster(svg, width, height) {
    return new Promise(function (done, failed) {
      const image = new Image();
      image.onload = function () {
        const canvas = document.createElement("canvas");
        canvas.width = 2 * width;
        canvas.height = 2 * height;
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        done(canvas.toDataURL("image/png"));
      };
      image.onerror = failed;
      image.src = svg;
    });
  }

  button.hidden = false;
  button.addEventListener("click", function () {
    chosen = dark() ? "light" : "dark";
    paint();
  });
  system.addEventListener("change", paint);
  narrow.addEventListener("change", paint);

  document.querySelectorAll("[data-switch]").forEach(function (select) {
    select.addEventListener("change", function () {
      figures.filter((figure) => figure.family === select.dataset.switch).forEach(function (figure) {
        figure.variant = Number(select.value);
        draw(figure);
      });
    });
  });

  document.querySelectorAll("[data-save]").forEach(function (save) {
    save.addEventListener("click", function () {
      const figure = figures.find((item) => item.node.id === save.dataset.figure);
      const height = figure.content.height + 30;
      window.Plotly.toImage(titled(figure), { format: "svg", width: 900, height: height })
        .then((svg) => (save.dataset.save === "svg" ? svg : raster(svg, 900, height)))
        .then(function (uri) {
          const link = document.createElement("a");
          link.href = uri;
          link.download = figure.node.id + "." + save.dataset.save;
          link.click();
        });
    });
  });

  // Paper is white whatever the screen is.
  window.addEventListener("beforeprint", function () { printing = true; drawAll(); paint(); });
  window.addEventListener("afterprint", function () { printing = false; paint(); });
  if (!still.matches) root.classList.add("smooth");

  // The meaning of a word, beside it: on hover and on focus, gone with Escape.
  const tip = document.getElementById("tip");
  function explain(term) {
    const box = term.getBoundingClientRect();
    tip.textContent = document.getElementById(term.getAttribute("href").slice(1)).textContent;
    tip.hidden = false;
    const left = Math.min(box.left, root.clientWidth - tip.offsetWidth - 12);
    const above = box.bottom + tip.offsetHeight + 12 > window.innerHeight;
    // Style set by script is not what the page's policy forbids: only style written in the markup is.
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = (above ? box.top - tip.offsetHeight - 6 : box.bottom + 6) + "px";
  }
  function settle() { if (tip) tip.hidden = true; }
  if (tip) {
    document.querySelectorAll(".term").forEach(function (term) {
      term.addEventListener("mouseenter", () => explain(term));
      term.addEventListener("focus", () => explain(term));
      term.addEventListener("mouseleave", (event) => event.relatedTarget !== tip && settle());
      term.addEventListener("blur", settle);
    });
    tip.addEventListener("mouseleave", settle);
    document.addEventListener("keydown", (event) => event.key === "Escape" && settle());
    document.addEventListener("scroll", settle, { passive: true });
  }

  window.adfair = { figures: figures, draw: draw, drawAll: drawAll, state: state, narrow: narrow };
  paint();
  figures.forEach((figure) => watcher.observe(figure.node));
})();
