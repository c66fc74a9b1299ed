/* 7. Another ruler. */
"use strict";

/** What a centimetre is in each unit. */
const RULERS = { mm: 10, cm: 1, inch: 1 / 2.54, m: 0.01 };
const OTHERS = ["Hill", "Park"];

class UnitsFigure extends Figure {
  constructor(host) {
    super(host);
    Object.assign(this, { X: data.bags.River, unit: "m", broken: false });
    this.choices(column(host, "wide row apart"));
    const [left, right] = [column(host), column(host)];
    this.plot = this.stage(left, {
      axes: ["length", "width, cm"],
      label: "The leaves of River; only the numbers along the bottom change",
    });
    caption(
      `The leaves have not changed. Only the numbers along the bottom have. Outlines on the bars: as measured in cm.`,
      left,
      "below",
    );
    caption("<b>Raw slopes:</b> per unit of the ruler", right);
    this.raw = this.vector(right, "The raw gradient");
    this.head = caption("", right, "gap");
    this.still = this.vector(right, "The Fisher vector");
    this.draw();
  }

  choices(host) {
    const row = el('<div class="row choice"></div>', host);
    caption("Measure <b>length</b> in", row);
    tabs(
      row,
      Object.keys(RULERS),
      this.unit,
      unit => {
        this.unit = unit;
        this.ask();
      },
      "Unit of length",
    );
    const flip = el(
      `<label class="switch"><input type="checkbox"> forget the division by the variance, as the gist’s
      comment does</label>`,
      host,
    );
    flip.firstChild.onchange = event => {
      this.broken = event.target.checked;
      this.ask();
    };
  }

  /** Bars, and below them which bag is most like this one by these numbers. */
  vector(host, label) {
    return { bars: new Bars(host, { height: 116, flat: true, label }), near: caption("", host, "below") };
  }

  draw() {
    const { X, plot, unit, broken } = this,
      c = RULERS[unit],
      m = onRuler(data.mixture, c);
    const kind = broken ? "comment" : "fisher",
      encode = (bag, how) => core.gradient(core.statistics(lengths(bag, c), m), m, how);
    const before = core.statistics(X, data.mixture);
    plot.begin();
    plot.drawAxes({ unit: c, title: `length, ${unit}` });
    plot.drawPoints(X, core.posteriors(X, data.mixture).q, 3);
    plot.drawMixture(data.mixture);
    this.head.innerHTML = broken
      ? "<b>Without the division:</b> one block depends on the ruler again."
      : "<b>Fisher vector:</b> per blob’s own width. It stands still.";
    const state = { unit, broken };
    for (const [part, how] of [
      [this.raw, "raw"],
      [this.still, kind],
    ]) {
      const v = encode(X, how),
        like = OTHERS.map(name => cosine(v, encode(data.bags[name], how)));
      part.bars.set(v, { before: core.gradient(before, data.mixture, how) });
      part.near.innerHTML = nearest(like);
      state[part === this.raw ? "raw" : "fisher"] = { v: [...v], like };
    }
    this.still.bars.root.setAttribute(
      "aria-label",
      `${broken ? "Without the division" : "The Fisher vector"}: ${this.still.bars.told()}`,
    );
    this.state = state;
  }
}

/** Lengths on another ruler. */
const lengths = (X, c) => X.map((x, i) => (i % 2 ? x : x * c));
const onRuler = (m, c) => ({
  w: [...m.w],
  mu: m.mu.map((x, i) => (i % 2 ? x : x * c)),
  sd: m.sd.map((x, i) => (i % 2 ? x : x * c)),
});
const cosine = (a, b) => core.dot(a, b) / core.norm(a) / core.norm(b);

/** Which of two bags is more like River. */
function nearest(like) {
  const [a, b] = like[0] > like[1] ? [0, 1] : [1, 0],
    told = i => `<span data-value="${like[i]}">${signed(like[i])}</span>`;
  return `By these numbers River is more like <b>${OTHERS[a]}</b> (${told(a)}) than ${OTHERS[b]} (${told(b)}).`;
}
