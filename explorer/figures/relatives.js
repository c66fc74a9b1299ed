/* 8. Relatives. */
"use strict";

const STOPS = [
  [
    "Fisher vector",
    15,
    "Every leaf is shared out in fractions, and each blob says how to gain weight, move and stretch: 15 numbers.",
  ],
  ["whole leaves", 15, "Each leaf goes whole to the blob that explains it best. Near the borders something is lost."],
  [
    "VLAD",
    6,
    `Only the moves are left, in plain centimetres: 6 numbers, a VLAD. <em>Stretched</em> and <em>plain</em> can no
    longer be told apart.`,
  ],
  ["bag of words", 3, "Only counts are left: 3 numbers, a bag of words. All three bags look the same."],
];
const PAIRS = [
  [0, 1],
  [0, 2],
  [1, 2],
];
/** Distances below this are rounding. */
const SAME = 1e-9;

class RelativesFigure extends Figure {
  constructor(host) {
    super(host);
    this.at = 0;
    this.names = Object.keys(data.relatives);
    this.sets = Object.values(data.relatives);
    this.parts = this.names.map(name => {
      const part = column(host);
      caption(`<b>${name}</b>`, part);
      const plot = this.stage(part, { axes: null, label: `The bag “${name}” and the blobs` });
      return { plot, view: el('<div class="cell"></div>', part) };
    });
    this.table(el('<div class="wide stations"></div>', host));
    this.note = el('<p class="wide sentence" aria-live="polite"></p>', host);
    this.draw();
  }

  /** The slider, the names of its stops, and below each how far apart two bags are there. */
  table(grid) {
    el('<span class="none"></span>', grid);
    this.slider = el(
      `<div class="slide"><input type="range" min="0" max="3" step="0.01" value="0"
      aria-label="How much is forgotten"></div>`,
      grid,
    ).firstChild;
    this.slider.oninput = event => this.go(Number(event.target.value));
    el('<span class="none"></span>', grid);
    this.stops = STOPS.map(([name, numbers], i) => {
      const stop = el(`<button class="stop" type="button">${name}<small>${numbers} numbers</small></button>`, grid);
      stop.onclick = () => this.go((this.slider.value = i));
      return stop;
    });
    const vectors = STOPS.map((_, at) => this.sets.map(X => encodeAt(X, at).v));
    this.distances = PAIRS.map(([a, b]) => vectors.map(v => core.norm(v[a].map((x, j) => x - v[b][j]))));
    this.cells = PAIRS.map(([a, b], p) => {
      el(`<span class="of">${this.names[a]} – ${this.names[b]}</span>`, grid);
      return this.distances[p].map((d, i) => {
        const same = d < SAME,
          told = same ? "the same" : `${fixed(d, 2)} apart`,
          label = `${this.names[a]} and ${this.names[b]} by ${STOPS[i][0]}: ${told}`;
        return el(
          `<span class="apart-by ${same ? "same" : ""}" data-value="${d}" role="img" aria-label="${label}">
          ${same ? "same" : fixed(d, 2)}</span>`,
          grid,
        );
      });
    });
  }

  go(at) {
    this.at = at;
    this.ask();
  }

  draw() {
    const now = Math.round(this.at),
      encoded = this.sets.map(X => encodeAt(X, this.at));
    encoded.forEach(({ q, v }, i) => {
      const { plot, view } = this.parts[i];
      plot.begin();
      plot.drawPoints(this.sets[i], q, 3, { r: plot.w < 200 ? 2 : 3.2 });
      plot.drawMixture(data.mixture, { width: 1.6, tags: plot.w > 200 });
      view.innerHTML = miniBars(v, { scale: 0.62, names: true });
    });
    this.stops.forEach((stop, i) => {
      stop.classList.toggle("on", i === now);
      stop.setAttribute("aria-pressed", i === now);
    });
    this.cells.forEach(row => row.forEach((cell, i) => cell.classList.toggle("now", i === now)));
    this.slider.setAttribute("aria-valuetext", STOPS[now][0]);
    if (this.told !== now) this.note.innerHTML = STOPS[(this.told = now)][2];
    this.state = { at: this.at, v: encoded.map(({ v }) => [...v]), distances: this.distances };
  }
}

/** The vector at a station, or between two: posteriors sharpen to 1, weight, stretch and units go to 2,
    moves to 3. */
function encodeAt(X, at) {
  const m = data.mixture,
    { q } = core.posteriors(X, m, at >= 1 ? Infinity : 1 / (1 - at));
  const fisher = core.gradient(core.statistics(X, m, q), m),
    vlad = core.vlad(X, m),
    words = core.words(X, m);
  const first = Math.min(1, Math.max(0, at - 1)),
    second = Math.min(1, Math.max(0, at - 2));
  return {
    q,
    v: fisher.map((x, j) => {
      const { block, k } = where(j, 3);
      if (block === 2) return x * (1 - first);
      if (block === 1) return (x + (vlad[j - 3] - x) * first) * (1 - second);
      return x * (1 - first) + words[k] * second;
    }),
  };
}
