// Tables that can be sorted and taken along: as CSV for a program, as LaTeX for a paper.
(function () {
  "use strict";
  const page = window.adfair;

  function words(cell) {
    const own = cell.cloneNode(true);
    own.querySelectorAll(".badge, .tag, .detail, .hidden").forEach((node) => node.remove());
    return own.textContent.replace(/\s+/g, " ").trim();
  }

  // The page prints .877 and −.012; undefined, dashes and text are no numbers.
  function number(text) {
    const plain = text.replace("−", "-").replace(/\u202f/g, "");
    return /^[-+]?\d*\.?\d+(e[-+]?\d+)?$/.test(plain) ? Number(plain) : NaN;
  }

  function bounds(cell) {
    const found = /\[([^,\]]+),\s*([^\]]+)\]/.exec(cell.textContent);
    return found ? [number(found[1]), number(found[2])] : null;
  }

  function visible(cells) {
    return Array.from(cells).filter((cell) => !cell.hidden);
  }

  function compare(a, b) {
    const [x, y] = [number(a), number(b)];
    if (isNaN(x) && isNaN(y)) return a.localeCompare(b);
    if (isNaN(x) || isNaN(y)) return isNaN(x) ? 1 : -1;
    return x - y;
  }

  function sort(table, column, direction) {
    for (const body of table.tBodies) {
      const rows = Array.from(body.rows).filter((row) => !row.classList.contains("over"));
      rows.forEach((row, i) => { if (row.dataset.order === undefined) row.dataset.order = i; });
      const key = (row) => words(row.cells[column]);
      rows.sort(function (a, b) {
        if (!direction) return a.dataset.order - b.dataset.order;
        // What has no number stays below, whichever way the rest is turned.
        const [x, y] = [key(a), key(b)];
        return compare(x, y) * (direction < 0 && isNaN(number(x)) === isNaN(number(y)) ? -1 : 1);
      });
      body.append(...rows);
    }
  }

  function heads(table) {
    return Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  }

  function sortable(table) {
    heads(table).forEach(function (head, column) {
      if (!head.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", function () {
        const next = { undefined: 1, ascending: -1, descending: 0 }[head.getAttribute("aria-sort") || undefined];
        heads(table).forEach((other) => other.removeAttribute("aria-sort"));
        if (next) head.setAttribute("aria-sort", next > 0 ? "ascending" : "descending");
        sort(table, column, next);
      });
    });
  }

  function titles(table) {
    const upper = [""];
    if (table.tHead.rows.length > 1) {
      for (const head of Array.from(table.tHead.rows[0].cells).slice(1)) {
        for (let i = 0; i < (Number(head.dataset.span) || head.colSpan); i += 1) upper.push(words(head));
      }
    }
    return heads(table).map((head, i) => ({ cell: head, text: (upper[i] ? upper[i] + ": " : "") + words(head) }));
  }

  function grid(table) {
    const kept = titles(table).map((title, i) => ({ text: title.text, i: i })).filter((t, i) => !heads(table)[i].hidden);
    const lines = [];
    for (const body of table.tBodies) {
      const over = body.querySelector(".over") ? words(body.querySelector(".over").cells[0]) : "";
      for (const row of visible(body.rows)) {
        if (!row.classList.contains("over")) lines.push({ over: over, cells: kept.map((title) => row.cells[title.i]) });
      }
    }
    return { titles: kept.map((title) => title.text), lines: lines };
  }

  // A spreadsheet takes a cell that begins like this for a formula.
  function field(text) {
    const safe = /^[=+\-@\t\r]/.test(text) && isNaN(number(text)) ? "'" + text : text;
    return /[",\n\r]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
  }

  function spoken(cell) {
    const value = number(words(cell));
    return isNaN(value) ? cell.textContent.replace(/\s+/g, " ").trim() : String(value);
  }

  function csv(table) {
    const content = grid(table);
    const grouped = content.lines.some((line) => line.over);
    const wide = content.titles.map((_, i) => i > 0 && content.lines.some((line) => bounds(line.cells[i])));
    const top = content.titles.flatMap((t, i) => (wide[i] ? [t, t + " low", t + " high"] : [t]));
    const rows = content.lines.map(function (line) {
      const cells = line.cells.flatMap(function (cell, i) {
        if (i === 0) return [words(cell)];
        if (!wide[i]) return [spoken(cell)];
        const ends = bounds(cell);
        return [spoken(cell), ends ? String(ends[0]) : "", ends ? String(ends[1]) : ""];
      });
      return (grouped ? [line.over] : []).concat(cells);
    });
    return [(grouped ? ["Part"] : []).concat(top), ...rows].map((row) => row.map(field).join(",")).join("\n") + "\n";
  }

  const SPECIAL = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}", "−": "$-$", "–": "--" };

  function tex(text) {
    return text.replace(/[&%$#_{}\\~^<>−–]/g, (c) => SPECIAL[c] || "\\" + c).replace(/[\u202f\u00a0]/g, "~");
  }

  function latex(table) {
    const content = grid(table);
    const lines = content.lines.map(function (line) {
      const cells = line.cells.map(function (cell, i) {
        if (i === 0) return tex(words(cell));
        const ends = /\[[^\]]+\]/.exec(cell.textContent);
        return tex(isNaN(number(words(cell))) ? spoken(cell) : words(cell) + (ends ? " " + ends[0] : ""));
      });
      return cells.join(" & ") + " \\\\";
    });
    const top = content.titles.map(tex).join(" & ") + " \\\\";
    const rule = "l" + "r".repeat(content.titles.length - 1);
    return ["% " + tex(words(table.caption)).replace(/[\r\n]/g, " "), "\\begin{tabular}{" + rule + "}", "\\toprule", top, "\\midrule", ...lines, "\\bottomrule", "\\end{tabular}", ""].join("\n");
  }

  const KINDS = { CSV: ["csv", "text/csv", csv], LaTeX: ["tex", "application/x-tex", latex] };

  function exportable(table) {
    const place = document.createElement("p");
    place.className = "export save";
    const caption = words(table.caption);
    for (const [label, [ending, type, write]] of Object.entries(KINDS)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-label", label + " of the table " + caption);
      button.addEventListener("click", function () {
        const link = document.createElement("a");
        link.href = "data:" + type + ";charset=utf-8," + encodeURIComponent(write(table));
        link.download = (caption.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "table") + "." + ending;
        link.click();
      });
      place.append(button);
    }
    table.closest(".scroll").after(place);
  }

  function equip(table) {
    if (table.dataset.equipped || !table.tHead || table.classList.contains("sheet")) return;
    table.dataset.equipped = "yes";
    sortable(table);
    exportable(table);
  }

  // Tables that nobody has unfolded cost nothing.
  page.equip = function (root) {
    root.querySelectorAll("table").forEach(function (table) {
      const fold = table.closest("details:not([open])");
      if (!fold) equip(table);
    });
  };
  document.querySelectorAll("details").forEach(function (fold) {
    fold.addEventListener("toggle", () => fold.open && page.equip(fold));
  });
  page.equip(document);
})();
