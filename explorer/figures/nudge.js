/* 6. Nudge it and see. */
"use strict";

const NUDGES = ["1", "0.5", "0.2", "0.1", "0.05", "0.01"];
/** The size of the chart, and the room around its lines. */
const CHART = { width: 380, height: 208, left: 44, right: 14, top: 14, bottom: 34, points: 61 };

class NudgeFigure extends Figure {
  constructor(host) {
    super(host);
    Object.assign(this, { X: data.bags.River, m: data.mixture, j: 5, size: 0.5, t: 0.6 });
    const s = core.statistics(this.X, this.m);
    this.v = core.gradient(s, this.m);
    this.wishes = wishesOf(s, this.m);
    this.rest = core.fit(this.X, this.m);
    const [left, right, low] = [column(host), column(host), column(host, "wide")];
    caption("<b>The nudged mixture.</b> Thin: as it was.", left);
    this.plot = this.stage(left, { label: "The bag River and the mixture, of which one property is nudged" });
    this.slider(left);
    caption("<b>How well the mixture explains the bag</b> as that one property is nudged", right);
    this.chart = column(right);
    this.said = el('<p class="sentence num"></p>', right);
    this.below(low);
    this.draw();
  }

  slider(host) {
    const label = el(
      `<label class="slider"><span class="ends"><span aria-hidden="true">less</span><b>nudge number <span></span></b>
      <span aria-hidden="true">more</span></span><input type="range" min="-1" max="1" step="0.01" value="${this.t}"></label>`,
      host,
    );
    this.name = label.querySelector("b span");
    this.input = label.lastChild;
    this.input.oninput = event => {
      this.t = Number(event.target.value);
      this.ask();
    };
  }

  /** All fifteen numbers, with the slopes as they are measured. */
  below(host) {
    const head = el('<div class="row apart"></div>', host);
    this.sizeTold = caption(
      "<b>All fifteen.</b> Bars: the Fisher vector. Diamonds: nudge by ±<span></span>, look at the fit, divide.",
      head,
    );
    tabs(
      head,
      NUDGES,
      String(this.size),
      size => {
        this.size = Number(size);
        this.ask();
      },
      "Size of the nudge",
    );
    this.bars = new Bars(host, {
      height: 120,
      label: "The Fisher vector, and the slopes as they are measured",
      onhover: (j, chosen) => {
        if (!chosen) return;
        this.j = j;
        this.ask();
      },
    });
  }

  /** The fit with number j nudged by t, less the fit as it was. */
  gain(t) {
    return core.fit(this.X, core.nudge(this.m, this.j, t)) - this.rest;
  }

  draw() {
    const { X, v, j, plot, size } = this,
      m = core.nudge(this.m, j, this.t),
      { q } = core.posteriors(X, m);
    const { k, block, d } = where(j, 3);
    plot.begin();
    plot.drawAxes();
    plot.drawPoints(X, q, 3, { only: k });
    plot.drawMixture(this.m, { fill: 0, width: 1, tags: false, alpha: 0.75 });
    plot.drawMixture(m, { only: k, width: 2.5 });
    this.name.textContent = `${j + 1}: ${BLOCKS[block]} ${LETTERS[k]}${block ? " " + "↔↕"[d] : ""}`;
    this.input.setAttribute("aria-valuetext", `${signed(this.t)}: the fit changes by ${signed(this.gain(this.t), 3)}`);
    this.drawChart(k);
    const slopes = [...v].map((_, i) => core.slope(X, this.m, i, size));
    this.said.innerHTML = `The curve’s slope at 0 is <b data-value="${v[j]}">${signed(v[j], 4)}</b>: that is
      number ${j + 1}.
      Measured with a nudge of ${size}: <b data-value="${slopes[j]}">${signed(slopes[j], 4)}</b>.`;
    this.sizeTold.querySelector("span").textContent = size;
    const told = i => `${tellNumber(leaves, i, v, this.wishes)} Measured by nudging: ${signed(slopes[i], 3)}.`;
    this.bars.set(v, { marks: slopes, on: [j], told });
    this.state = { v: [...v], slopes, size, j, t: this.t, gain: this.gain(this.t) };
  }

  /** The curve of the fit, its tangent at 0, and where the slider is. */
  drawChart(k) {
    const { width, height, left, right, top, bottom, points } = CHART,
      value = this.v[this.j];
    const curve = Array.from({ length: points }, (_, i) => (2 * i) / (points - 1) - 1).map(t => [t, this.gain(t)]);
    const gains = curve.map(point => point[1]);
    const high = Math.max(0.12, ...gains) * 1.12,
      low = Math.max(-0.75, Math.min(-0.12, ...gains)) * 1.08;
    const sx = t => left + ((t + 1) / 2) * (width - left - right);
    const sy = y => top + ((high - Math.max(low, y)) / (high - low)) * (height - top - bottom);
    const line = list => list.map(([t, y], i) => `${i ? "L" : "M"}${sx(t).toFixed(1)} ${sy(y).toFixed(1)}`).join("");
    // The tangent ends where the frame does.
    const tangent = [-1, 1].map(t => {
      const rise = t * value,
        part = Math.min(1, (rise > 0 ? high : -low) / Math.abs(rise || 1));
      return [t * part, rise * part];
    });
    const label = `The fit as number ${this.j + 1} is nudged from −1 to 1; its slope at 0 is ${signed(value, 3)}`;
    this.chart.innerHTML = `<svg viewBox="0 0 ${width} ${height}" class="chart" role="img" aria-label="${label}">
      <path d="M${left} ${sy(0)}H${width - right}M${sx(0)} ${top}V${height - bottom}" stroke="var(--grid)"/>
      <path d="${line(tangent)}" fill="none" stroke="var(--accent)" stroke-width="2" stroke-dasharray="6 4"/>
      <path d="${line(curve)}" fill="none" stroke="var(--${"abc"[k]})" stroke-width="3"/>
      <circle cx="${sx(this.t)}" cy="${sy(this.gain(this.t))}" r="6" fill="var(--raised)" stroke="var(--ink)"
        stroke-width="2.5"/>
      <g fill="var(--muted)"><text x="${sx(-1)}" y="${height - 14}">−1</text>
      <text x="${sx(0)}" y="${height - 14}" text-anchor="middle">0</text>
      <text x="${sx(1)}" y="${height - 14}" text-anchor="end">1 nudge</text>
      <text x="${left - 6}" y="${sy(0) + 4}" text-anchor="end">0</text>
      <text x="0" y="12">better</text><text x="0" y="${height - bottom}">worse</text></g></svg>`;
  }
}
