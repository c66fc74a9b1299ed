/* 2. The mixture is learned. */
"use strict";

/** Steps of the curve, and milliseconds between two of them. */
const STEPS = 24,
  PAUSE = 110;

class MixtureFigure extends Figure {
  constructor(host) {
    super(host);
    this.X = data.all;
    this.start = inOrder(data.start, this.X);
    const [left, right] = [column(host), column(host)];
    this.blobs = this.stage(left, { label: "360 leaves of twelve bags, and three blobs" });
    caption("<b>What a blob knows</b>", right);
    this.table = el(
      `<table class="plain"><thead><tr><th>blob</th><th class="r">weight</th>
      <th class="r">place</th><th class="r">spread</th></tr></thead><tbody></tbody></table>`,
      right,
    );
    this.score = caption('How well the blobs explain a leaf, on average: <b class="num"></b>', right, "gap").lastChild;
    this.curve = column(right);
    const row = el('<div class="row buttons"></div>', right);
    button(row, "Learn", () => this.learn(), "");
    button(row, "One step", () => {
      this.stop();
      this.step();
    });
    button(row, "Start badly", () => this.badly());
    this.blobs.interact({
      spots: () => this.m.w.map((_, k) => ({ x: this.m.mu[2 * k], y: this.m.mu[2 * k + 1] })),
      move: (k, x, y) => this.move(k, x, y),
      told: k =>
        `Blob ${LETTERS[k]} at ${this.place(this.m.mu, k)} centimetres. Fit ${fixed(core.fit(this.X, this.m), 3)}.`,
    });
    this.badly();
    while (this.history.length < STEPS) this.step();
    this.draw();
  }

  /** EM takes one step. */
  step() {
    this.m = core.maximize(core.statistics(this.X, this.m), this.m);
    this.history = [...this.history, core.fit(this.X, this.m)].slice(-STEPS);
    this.ask();
  }

  stop() {
    clearInterval(this.timer);
  }

  badly() {
    this.stop();
    this.restart(core.copy(this.start));
  }

  restart(m) {
    this.m = m;
    this.history = [core.fit(this.X, m)];
    this.ask();
  }

  move(k, x, y) {
    this.stop();
    const m = core.copy(this.m);
    [m.mu[2 * k], m.mu[2 * k + 1]] = [x, y];
    this.restart(m);
  }

  /** From the bad start to the end; at once for who wishes for less motion. */
  learn() {
    this.badly();
    const ended = () => this.history.length >= STEPS;
    if (calm.matches) {
      while (!ended()) this.step();
      say(`Learned: the fit went from ${fixed(this.history[0], 2)} to ${fixed(this.history.at(-1), 2)}.`);
      return;
    }
    this.timer = setInterval(() => {
      this.step();
      if (ended()) this.stop();
    }, PAUSE);
  }

  place(list, k) {
    return pair(list, k)
      .map(v => fixed(v, 1))
      .join(", ");
  }

  draw() {
    const { m, blobs } = this,
      { q, fit } = core.posteriors(this.X, m);
    blobs.begin();
    blobs.drawAxes();
    blobs.drawPoints(this.X, q, m.w.length);
    blobs.drawMixture(m);
    const named = k => (Math.abs(m.mu[2 * k] - data.mixture.mu[2 * k]) < 0.5 ? data.names[k] : "");
    this.table.tBodies[0].innerHTML = m.w
      .map(
        (w, k) => `<tr><th scope="row">${letter(k)} ${named(k)}</th>
      <td class="r">${percent(w)}</td><td class="r">${this.place(m.mu, k)}</td>
      <td class="r">${this.place(m.sd, k)}</td></tr>`,
      )
      .join("");
    this.score.textContent = fixed(fit, 3);
    this.score.dataset.value = fit;
    this.drawCurve();
    this.state = { m: core.copy(m), fit, history: [...this.history], q: [...q] };
  }

  drawCurve() {
    const [lo, hi] = [-6, -3.9],
      high = f => 80 - 74 * Math.max(0, (f - lo) / (hi - lo));
    const points = this.history
      .map((f, i) => `${((i * 300) / (STEPS - 1)).toFixed(1)},${high(f).toFixed(1)}`)
      .join(" ");
    this.curve.innerHTML = `<svg class="mini curve" viewBox="0 0 300 84" preserveAspectRatio="none" aria-hidden="true">
      <polyline points="${points}" fill="none" stroke="var(--ink)" stroke-width="2" vector-effect="non-scaling-stroke"/>
      </svg>`;
  }
}

/** The start, its blobs in such an order that EM makes of them A, B and C as the page names them. */
function inOrder(start, X) {
  let m = start;
  for (let i = 0; i < STEPS; i++) m = core.maximize(core.statistics(X, m), m);
  const blobs = m.w.map((_, k) => k),
    { mu } = data.mixture;
  const off = (i, k) => Math.hypot(m.mu[2 * i] - mu[2 * k], m.mu[2 * i + 1] - mu[2 * k + 1]);
  const order = blobs.map(k => [...blobs].sort((a, b) => off(a, k) - off(b, k))[0]);
  return {
    w: order.map(i => start.w[i]),
    mu: order.flatMap(i => pair(start.mu, i)),
    sd: order.flatMap(i => pair(start.sd, i)),
  };
}
