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
    const most = narrow.matches ? 18 : 30;
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
    for (const name of ["xaxis", "yaxis"]) {
      const mine = own[name] || {};
      layout[name] = Object.assign({}, axis, mine);
      if (mine.title) layout[name].title = Object.assign({}, title, mine.title);
    }
    return layout;
  }

  const figures = Array.from(document.querySelectorAll(".plot")).map((node) => ({
    node: node,
    family: node.dataset.family,
    content: JSON.parse(document.getElementById(node.id + "-data").textContent),
    variant: 0,
  }));

  function draw(figure) {
    const variant = figure.content.variants[figure.variant];
    const traces = resolve(variant.traces, "");
    const layout = layoutOf(resolve(variant.layout, ""), figure.content.height);
    return window.Plotly.react(figure.node, traces, layout, { displayModeBar: false, responsive: true, staticPlot: false, scrollZoom: false });
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
  window.addEventListener("beforeprint", function () { printing = true; paint(); });
  window.addEventListener("afterprint", function () { printing = false; paint(); });
  if (!still.matches) root.classList.add("smooth");
  paint();
})();
