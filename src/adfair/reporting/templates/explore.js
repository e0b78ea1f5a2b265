// The reader's own view: filters for the page, intervals by group, curves, and a threshold that moves.
(function () {
  "use strict";
  const page = window.adfair;
  const data = document.getElementById("explorer-data");
  if (!data) return;
  const held = JSON.parse(data.textContent);
  const state = page.state;
  const byId = (id) => document.getElementById(id);
  const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon"];
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
  const NAMES = { auc: "AUC", tpr: "True positive rate", fpr: "False positive rate" };
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const place = Object.fromEntries(Array.from(DIGITS).map((c, i) => [c, i]));
  const choice = { finding: 0, attribute: -1, model: -1, cut: null };

  // Shares are packed as two characters each; see packing.py.
  function unpack(text) {
    const values = [];
    for (let i = 0; i < text.length; i += 2) {
      const code = 64 * place[text[i]] + place[text[i + 1]];
      values.push(code > 4094 ? null : code / 4094);
    }
    return values;
  }

  // A share of so many images is the nearest count of them: exact again, where packing left room for one count only.
  const counted = (text, images) => unpack(text).map((v) => (v === null || images > 2000 ? v : Math.round(v * images) / images));

  function print(value) {
    if (value === null || value === undefined || !isFinite(value)) return "undefined";
    const text = Math.abs(value).toFixed(3);
    return (value < 0 && Number(text) ? "−" : "") + (Number(text) < 1 ? text.slice(1) : text);
  }

  const attribute = () => Math.max(choice.attribute, 0);
  const groups = () => held.attributes[attribute()].groups;
  const models = () => held.models.map((m, i) => i).filter((i) => choice.model < 0 || choice.model === i);
  const findingName = () => (choice.finding ? held.findings[choice.finding] : "mean of findings");

  function curve(model) {
    const all = (held.curves[model] || [])[attribute()];
    const packed = all ? all[Math.max(choice.finding, 1) - 1] : null;
    if (packed && !packed.open) {
      // At the run's threshold the rates are exact, as those of the tables are.
      const side = (texts, k) => texts.map(function (text, g) {
        const values = counted(text, packed.n[g][k]);
        if (values.length && packed.n[g][k]) values[packed.start] = packed.flagged[g][k] / packed.n[g][k];
        return values;
      });
      packed.open = { tpr: side(packed.tpr, 0), fpr: side(packed.fpr, 1) };
    }
    return packed;
  }

  const curved = () => models().filter((m) => curve(m)).slice(0, 2);
  const curveFinding = () => held.findings[Math.max(choice.finding, 1)];

  function position(found) {
    const last = found.at.length - 1;
    return choice.cut === null ? found.start : Math.round((choice.cut / 100) * last);
  }

  // Forests: one row a group, one mark a model.
  function forest(metric, order) {
    const names = groups();
    const shown = models();
    const traces = shown.map(function (m, j) {
      const offset = (j - (shown.length - 1) / 2) * 0.72 / Math.max(shown.length, 2);
      const row = held.estimates[m][attribute()][choice.finding][order];
      const points = row.map((e, g) => ({ e: e, g: g })).filter((p) => Array.isArray(p.e));
      const colour = "@s" + held.models[m].slot;
      return {
        type: "scatter", mode: "markers", name: held.models[m].label,
        x: points.map((p) => p.e[0]), y: points.map((p) => p.g + offset),
        text: points.map((p) => names[p.g] + ": " + interval(p.e) + (p.e[3] === null ? "" : ", n = " + p.e[3])),
        hovertemplate: "%{text}<extra>%{fullData.name}</extra>",
        marker: { color: colour, symbol: SYMBOLS[held.models[m].slot], size: 9 },
        error_x: { type: "data", symmetric: false, color: colour, thickness: 1.8, width: 0,
          array: points.map((p) => (p.e[2] === null ? 0 : Math.max(p.e[2] - p.e[0], 0))),
          arrayminus: points.map((p) => (p.e[1] === null ? 0 : Math.max(p.e[0] - p.e[1], 0))) },
      };
    });
    const layout = {
      xaxis: { title: { text: NAMES[metric] + ", " + findingName() } },
      yaxis: { tickvals: names.map((_, i) => i), ticktext: names, range: [names.length - 0.5, -0.5], showgrid: false, zeroline: false },
    };
    return { traces: traces, layout: layout, height: 110 + names.length * Math.max(34, 11 * shown.length) };
  }

  function interval(e) {
    return print(e[0]) + (e[1] === null || e[2] === null ? "" : " [" + print(e[1]) + ",\u00a0" + print(e[2]) + "]");
  }

  const line = (g) => ({ color: "@s" + (g % 8), width: 2, dash: DASHES[Math.floor(g / 8) % DASHES.length] });
  const square = (text, other) => ({ xaxis: { title: { text: text }, range: [0, 1] }, yaxis: { title: { text: other }, range: [0, 1.01] } });
  const diagonal = { type: "scatter", mode: "lines", x: [0, 1], y: [0, 1], hoverinfo: "skip", showlegend: false, line: { color: "@muted", width: 1.2, dash: "dot" } };

  function roc(model) {
    const found = curve(model);
    const at = position(found);
    const traces = [diagonal];
    found.groups.forEach(function (name, g) {
      const [x, y] = [found.open.fpr[g], found.open.tpr[g]];
      if (x[0] === null || y[0] === null || x[0] === undefined) return;
      traces.push({ type: "scatter", mode: "lines", name: name, x: [0, ...x], y: [0, ...y], line: line(g), hovertemplate: "false positive %{x:.3f}, true positive %{y:.3f}<extra>%{fullData.name}</extra>" });
      traces.push({ type: "scatter", mode: "markers", x: [x[at]], y: [y[at]], showlegend: false, hoverinfo: "skip", marker: { color: "@s" + (g % 8), symbol: SYMBOLS[g % 8], size: 11, line: { color: "@card", width: 1.5 } } });
    });
    return { traces: traces, layout: square("False positive rate", "True positive rate"), height: 400 };
  }

  function calibration(model) {
    const found = curve(model);
    const traces = [diagonal];
    found.calibration.forEach(function (bins, g) {
      if (!bins.length) return;
      traces.push({ type: "scatter", mode: "lines+markers", name: found.groups[g], x: unpack(bins[0]), y: unpack(bins[1]), text: bins[2].map((n) => "n = " + n),
        line: line(g), marker: { symbol: SYMBOLS[g % 8], size: 7, color: "@s" + (g % 8) }, hovertemplate: "score %{x:.3f}, share positive %{y:.3f}, %{text}<extra>%{fullData.name}</extra>" });
    });
    return { traces: traces, layout: square("Mean score", "Share with the finding"), height: 400 };
  }

  function rates(model) {
    const found = curve(model);
    const at = position(found);
    const trace = (name, values, colour, symbol) => ({
      type: "scatter", mode: "markers", name: name, x: values.map((v) => v[at]), y: values.map((_, g) => g),
      marker: { color: colour, symbol: symbol, size: 12 }, hovertemplate: "%{x:.3f}<extra>%{fullData.name}</extra>",
    });
    const layout = {
      xaxis: { title: { text: "rate" }, range: [-0.02, 1.02] },
      yaxis: { tickvals: found.groups.map((_, i) => i), ticktext: found.groups, range: [found.groups.length - 0.5, -0.5], showgrid: true, zeroline: false },
    };
    const traces = [trace("true positive rate", found.open.tpr, "@s1", "circle"), trace("false positive rate", found.open.fpr, "@s0", "diamond")];
    return { traces: traces, layout: layout, height: 110 + 34 * found.groups.length };
  }

  // The largest difference of a rate between known groups that have every one of the rates in question.
  function spread(found, rates, at) {
    const known = found.groups.map((_, g) => g).filter((g) => found.groups[g] !== "Unknown" && rates.every((rate) => typeof rate[g][at] === "number"));
    if (known.length < 2) return null;
    return Math.max(...rates.map(function (rate) {
      const values = known.map((g) => rate[g][at]);
      return Math.max(...values) - Math.min(...values);
    }));
  }

  // Tables are built node by node: names from the data are only ever text.
  function element(tag, text, more) {
    const node = Object.assign(document.createElement(tag), more || {});
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function figureCell(text, details) {
    const cell = element("td");
    cell.append(element("span", text, { className: "number" }));
    details.filter(Boolean).forEach((detail) => cell.append(" ", element("span", detail, { className: "detail" })));
    return cell;
  }

  function table(into, caption, head, columns, rows) {
    const scroll = element("div", undefined, { className: "scroll", tabIndex: 0 });
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", caption);
    const made = element("table");
    const top = element("caption");
    top.append(element("span", caption));
    const headRow = element("tr");
    [head, ...columns].forEach((name) => headRow.append(element("th", name, { scope: "col" })));
    const thead = element("thead");
    thead.append(headRow);
    const body = element("tbody");
    rows.forEach(function (row) {
      const tr = element("tr");
      tr.append(element("th", row.name, { scope: "row" }), ...row.cells);
      body.append(tr);
    });
    made.append(top, thead, body);
    scroll.append(made);
    byId(into).replaceChildren(scroll);
    page.equip(byId(into));
  }

  function forestTable() {
    if (!byId("forest-numbers").open) return;
    const columns = held.metrics.flatMap((metric) => models().map((m) => NAMES[metric] + ": " + held.models[m].label));
    const rows = groups().map(function (name, g) {
      const cells = held.metrics.flatMap((_, order) => models().map(function (m) {
        const e = held.estimates[m][attribute()][choice.finding][order][g];
        if (e === null) return figureCell("–", ["not in the table"]);
        if (!Array.isArray(e)) return figureCell("undefined:", [e]);
        const ends = interval(e).slice(print(e[0]).length).trim();
        return figureCell(print(e[0]), [ends, e[3] === null ? "" : "n = " + e[3]]);
      }));
      return { name: name, cells: cells };
    });
    table("forest-table", "By " + held.attributes[attribute()].name + ", " + findingName(), "Group", columns, rows);
  }

  function ratesTable() {
    const shown = curved();
    if (!shown.length) return;
    const columns = shown.flatMap((m) => [held.models[m].label + ": true positive rate", held.models[m].label + ": false positive rate"]);
    const names = Array.from(new Set(shown.flatMap((m) => curve(m).groups)));
    const value = (m, values, g) => (g < 0 ? null : values[g][position(curve(m))]);
    const rows = names.map(function (name) {
      const cells = shown.flatMap(function (m) {
        const found = curve(m);
        const g = found.groups.indexOf(name);
        const n = found.n[g] || [0, 0];
        return [figureCell(print(value(m, found.open.tpr, g)), ["of " + n[0]]), figureCell(print(value(m, found.open.fpr, g)), ["of " + n[1]])];
      });
      return { name: name, cells: cells };
    });
    const gaps = shown.flatMap((m) => [curve(m).open.tpr, curve(m).open.fpr].map((v) => figureCell(print(spread(curve(m), [v], position(curve(m)))), [])));
    rows.push({ name: "Gap between known groups", cells: gaps });
    const caption = curveFinding() + ": rates by " + held.attributes[attribute()].name + " at this threshold";
    table("rates-table", caption, "Group", columns, rows);
  }

  function say() {
    const shown = curved();
    if (!shown.length) return;
    const parts = shown.map(function (m) {
      const found = curve(m);
      const at = position(found);
      const gap = spread(found, [found.open.tpr, found.open.fpr], at);
      const threshold = choice.cut === null && found.run !== null ? found.run : found.at[at];
      return held.models[m].label + ": threshold " + threshold + ", equalized odds difference " + print(gap);
    });
    const text = curveFinding() + ". " + parts.join("; ");
    byId("threshold-value").textContent = text;
    byId("threshold").setAttribute("aria-valuetext", text);
    if (choice.cut === null) {
      const found = curve(shown[0]);
      byId("threshold").value = Math.round((100 * found.start) / Math.max(found.at.length - 1, 1));
    }
  }

  const figure = (id) => page.figures.find((item) => item.node.id === id);

  function describe(id, title, summary) {
    byId(id + "-title").textContent = title;
    byId(id + "-summary").textContent = summary;
    byId(id).setAttribute("aria-label", title + ". " + summary);
    figure(id).content.title = title;
  }

  function redraw(ids) {
    ids.forEach((id) => page.draw(figure(id)));
  }

  const KINDS = {
    roc: ["ROC curve by ", roc, "The large marks are the groups at the threshold above."],
    rates: ["Rates at this threshold by ", rates, "Numbers in the table below."],
    calibration: ["Calibration by ", calibration, "On the dotted line, scores say how often the finding is there. Ten bins; nothing is drawn where scores are no probabilities."],
  };

  function layCurves() {
    const shown = curved();
    byId("curves").hidden = !shown.length;
    byId("no-curves").hidden = Boolean(shown.length);
    document.querySelector("#curves .figures").classList.toggle("three", shown.length === 1);
    Object.entries(KINDS).forEach(function ([kind, [title, build, summary]]) {
      [0, 1].forEach(function (side) {
        const id = kind + "-" + side;
        const model = shown[side];
        byId(id).closest(".figure").hidden = model === undefined;
        if (model === undefined) return;
        figure(id).build = () => build(model);
        describe(id, held.models[model].label + ", " + curveFinding() + ": " + title.toLowerCase().replace("roc", "ROC") + held.attributes[attribute()].name, summary);
      });
    });
  }

  function layForests() {
    held.metrics.forEach(function (metric, order) {
      const id = "forest-" + metric;
      figure(id).build = () => forest(metric, order);
      const row = models().slice(0, 2).map(function (m) {
        const said = held.estimates[m][attribute()][choice.finding][order].map((e, g) => groups()[g] + " " + (Array.isArray(e) ? print(e[0]) : "undefined"));
        return held.models[m].label + ": " + said.join(", ");
      });
      const about = choice.finding ? findingName() : "Mean of findings";
      describe(id, NAMES[metric] + " by " + held.attributes[attribute()].name, about + ". " + row.join("; ") + ".");
    });
  }

  // Columns, rows and parts of every table on the page that speak of other models, attributes or findings.
  function filterTables() {
    const label = state.modelLabel;
    const fold = document.querySelector("#groups > .fold");
    if (fold && state.finding) fold.open = true;
    document.querySelectorAll("main .scroll").forEach(function (scroll) {
      const other = (state.attribute && scroll.dataset.attribute && scroll.dataset.attribute !== state.attribute) ||
        (state.finding && ![undefined, "mean", state.finding].includes(scroll.dataset.finding));
      scroll.hidden = Boolean(other);
      const next = scroll.nextElementSibling;
      if (next && next.classList.contains("export")) next.hidden = scroll.hidden;
      const made = scroll.querySelector("table");
      if (!made || !made.tHead || scroll.hidden) return;
      made.querySelectorAll("tr[data-model]").forEach((row) => { row.hidden = Boolean(label) && row.dataset.model !== label; });
      filterColumns(made, label);
    });
  }

  function filterColumns(made, label) {
    const bottom = Array.from(made.tHead.rows[made.tHead.rows.length - 1].cells);
    if (!bottom.some((head) => head.dataset.model)) return;
    const off = bottom.map((head) => Boolean(label) && head.dataset.model !== undefined && head.dataset.model !== label);
    bottom.forEach((head, i) => { head.hidden = off[i]; });
    for (const body of made.tBodies) {
      for (const row of body.rows) {
        if (!row.classList.contains("over")) Array.from(row.cells).forEach((cell, i) => { cell.hidden = off[i]; });
      }
    }
    if (made.tHead.rows.length < 2) return;
    let column = 1;
    Array.from(made.tHead.rows[0].cells).slice(1).forEach(function (head) {
      const span = Number(head.dataset.span || head.colSpan);
      head.dataset.span = span;
      const left = off.slice(column, column + span).filter((o) => !o).length;
      head.hidden = left === 0;
      head.colSpan = Math.max(left, 1);
      column += span;
    });
  }

  function filterFigures() {
    page.figures.filter((item) => item.content.variants).forEach(function (item) {
      const about = item.content.attributes || [];
      const other = (state.attribute && about.length && !about.includes(state.attribute)) || (state.model && item.content.model && item.content.model !== state.model);
      item.node.closest(".figure").hidden = Boolean(other);
    });
    document.querySelectorAll("[data-switch]").forEach(function (select) {
      const found = Array.from(select.options).findIndex((option) => option.textContent === state.modelLabel);
      if (state.modelLabel && found >= 0 && select.selectedIndex !== found) {
        select.selectedIndex = found;
        select.dispatchEvent(new Event("change"));
      }
    });
  }

  function apply() {
    const model = held.models[choice.model];
    state.finding = choice.finding ? held.findings[choice.finding] : "";
    state.attribute = choice.attribute >= 0 ? held.attributes[choice.attribute].name : "";
    state.model = model ? model.name : "";
    state.modelLabel = model ? model.label : "";
    layForests();
    layCurves();
    filterFigures();
    filterTables();
    forestTable();
    ratesTable();
    say();
    page.figures.forEach(page.draw);
    byId("filter-status").textContent = "Showing " + findingName() + ", " + (state.attribute || "all attributes") + ", " + (state.modelLabel || "all models");
  }

  for (const name of ["finding", "attribute", "model"]) {
    byId("filter-" + name).addEventListener("change", function (event) {
      choice[name] = Number(event.target.value);
      choice.cut = null;
      apply();
    });
  }
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", function () {
    Object.assign(choice, { finding: 0, attribute: -1, model: -1, cut: null });
    apply();
  });

  function moved() {
    ratesTable();
    say();
    redraw(["roc-0", "roc-1", "rates-0", "rates-1"]);
  }
  byId("threshold").addEventListener("input", function (event) {
    choice.cut = Number(event.target.value);
    moved();
  });
  byId("threshold-reset").addEventListener("click", function () {
    choice.cut = null;
    moved();
  });
  byId("forest-numbers").addEventListener("toggle", forestTable);

  byId("filters").reset();
  byId("explorer").hidden = false;
  apply();
})();
