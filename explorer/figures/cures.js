/* 9. Nuisances and cures. */
"use strict";

/** Three ways to spoil a bag; `make(v)` does it to that degree. */
const ILLS = [
  {
    title: "Copies",
    note: "the whole bag, again",
    min: 1,
    max: 8,
    value: 3,
    step: 1,
    told: v => `${v} ×`,
    make: v => data.join(...Array(v).fill(data.bags.River)),
  },
  {
    title: "Dull leaves",
    note: "as typical as can be",
    min: 0,
    max: 400,
    value: 160,
    step: 80,
    told: v => `+ ${v}`,
    make: v => data.join(data.bags.River, data.background(v)),
  },
  {
    title: "One repeated leaf",
    note: "photographed often",
    min: 0,
    max: 40,
    value: 12,
    step: 1,
    told: v => `+ ${v}`,
    make: v => data.join(data.bags.River, ...Array(v).fill(Float64Array.from(data.odd))),
  },
];
/** Remedies, each after the ones above it; `of(v, n)` takes the Fisher vector of n leaves. */
const CURES = [
  { title: "Add up", note: "no cure yet", scale: 1.15, of: (v, n) => v.map(x => (x * n) / 80) },
  { title: "÷ number of leaves", note: "1/N", scale: 0.55, of: v => v },
  { title: "then set the length to 1", note: "L2", scale: 0.7, of: v => core.normalise(v, 1, true) },
  { title: "take roots first", note: "power ½, then L2", scale: 0.52, of: v => core.normalise(v, 0.5, true) },
];
/** Off by less: cured. Off by less than this part of the row above: softened. */
const CURED = 0.1,
  SOFTER = 0.75;

class CuresFigure extends Figure {
  constructor(host) {
    super(host);
    this.values = ILLS.map(ill => ill.value);
    const grid = el('<div class="wide matrix"></div>', host);
    column(grid, "corner");
    this.heads = ILLS.map((ill, i) => this.column(grid, ill, i));
    this.cells = CURES.map(cure => {
      el(`<div class="cure"><b>${cure.title}</b> <small>${cure.note}</small></div>`, grid);
      return ILLS.map(() => el('<div class="cell" role="img"></div>', grid));
    });
    this.draw();
  }

  /** The head of a column: what is done to the bag, the bag, and how much of it. */
  column(grid, ill, i) {
    const host = column(grid);
    el(`<div class="head">${ill.title}<small>${ill.note}</small></div>`, host);
    const plot = this.stage(host, { axes: null, label: `The bag, spoilt: ${ill.title.toLowerCase()}` });
    const { min, max, step, value } = ill;
    const label = el(
      `<label class="slider"><input type="range" min="${min}" max="${max}" step="${step}" value="${value}"
      aria-label="${ill.title}"><span class="ends"><span></span><b class="num"></b><span></span></span></label>`,
      host,
    );
    label.firstChild.oninput = event => {
      this.values[i] = Number(event.target.value);
      this.ask();
    };
    return { plot, input: label.firstChild, told: label.querySelector("b") };
  }

  draw() {
    const before = core.fisher(data.bags.River, data.mixture);
    this.state = { off: ILLS.map((ill, i) => this.drawColumn(ill, i, before)), values: [...this.values] };
  }

  /** One nuisance under all remedies: how far off each leaves it. */
  drawColumn(ill, i, before) {
    const value = this.values[i],
      X = ill.make(value),
      v = core.fisher(X, data.mixture),
      off = [];
    const told = ill.told(value);
    this.heads[i].told.textContent = told;
    this.heads[i].input.setAttribute("aria-valuetext", told);
    this.drawBag(this.heads[i].plot, X, i === 2 ? value : 0);
    CURES.forEach((cure, row) => {
      const was = cure.of(before, 80),
        is = cure.of(v, X.length / 2);
      const by = core.norm(is.map((x, j) => x - was[j])) / core.norm(was);
      const cured = by < CURED,
        softer = row === 3 && i === 2 && by < SOFTER * off.at(-1);
      off.push(by);
      const verdict = cured ? (row ? "cured" : "no harm") : softer ? "softened" : "",
        cell = this.cells[row][i];
      cell.innerHTML = `${miniBars(is, { before: was, scale: cure.scale })}<div class="verdict"><span>${verdict}</span>
        <span data-value="${by}">${percent(by)} off</span></div>`;
      cell.classList.toggle("ok", row > 0 && (cured || softer));
      cell.setAttribute(
        "aria-label",
        `${ill.title} ${told}, ${cure.title}: ${percent(by)} off${verdict && `, ${verdict}`}`,
      );
    });
    return off;
  }

  drawBag(plot, X, repeated) {
    plot.begin();
    plot.drawPoints(X, core.posteriors(X, data.mixture).q, 3, { r: plot.w < 200 ? 1.6 : 2.6 });
    plot.drawMixture(data.mixture, { width: 1.5, tags: false });
    if (repeated) plot.drawRing(...data.odd, 4 + 1.6 * Math.sqrt(repeated), 1.8);
  }
}
