/* 5. The vector. */
"use strict";

/** The part of a leaf is drawn so many times as large. */
const ENLARGED = 6;

class VectorFigure extends Figure {
  constructor(host) {
    super(host);
    this.top = column(host, "wide row");
    const [left, right] = [column(host), column(host)];
    this.plot = this.bagStage(
      left,
      { label: "The bag; sticks show how each leaf pulls at the chosen number" },
      {
        X: () => this.X,
        on: i => {
          this.leaf = i;
          this.ask();
        },
        told: i => tellPoint(this.world, this.X, this.world.mixture, i),
      },
    );
    this.right = right;
    this.show(leaves);
  }

  show(world) {
    this.world = world;
    this.plot.view(world.view);
    this.top.replaceChildren();
    bagTabs(this.top, Object.keys(world.bags), world.first, name => this.take(name));
    this.right.replaceChildren();
    const K = world.mixture.w.length;
    this.bars = new Bars(this.right, { height: 190, K, onhover: (j, chosen) => this.choose(j, chosen) });
    this.said = el('<p class="sentence"></p>', this.right);
    this.bar = this.pinned = 2 * K;
    this.take(world.first);
  }

  take(name) {
    this.X = this.world.bags[name].slice();
    this.leaf = -1;
    this.draw();
  }

  /** The number under the mouse, or the one that was chosen before. */
  choose(j, chosen) {
    if (chosen) this.pinned = j;
    this.bar = j < 0 ? this.pinned : j;
    this.leaf = -1;
    this.ask();
  }

  draw() {
    const { X, plot, world } = this,
      m = world.mixture,
      K = m.w.length,
      { q } = core.posteriors(X, m);
    const s = core.statistics(X, m, q),
      v = core.gradient(s, m),
      wishes = wishesOf(s, m),
      one = this.leaf < 0;
    const only = one ? where(this.bar, K).k : null;
    plot.begin();
    plot.drawAxes();
    plot.drawPoints(X, q, K, { only, picked: this.leaf });
    plot.drawMixture(m, { only });
    this.push = one ? core.pushes(X, m, this.bar) : null;
    if (one) this.drawPull(m, wishes);
    const part = one ? undefined : this.part(m, s.n),
      told = j => tellNumber(world, j, v, wishes);
    this.bars.set(v, { on: one ? [this.bar] : [], part, told });
    this.said.innerHTML = one ? this.number(v, wishes) : this.belongs(q, K);
    const { bar, leaf } = this;
    this.state = { X: [...X], v: [...v], bar, leaf, part: part && [...part], push: this.push && [...this.push] };
  }

  /** What each leaf adds to the chosen number, as sticks, and what the blob makes of them. */
  drawPull(m, wishes) {
    const { X, plot, bar } = this,
      K = m.w.length,
      { block, k, d } = where(bar, K),
      c = plot.g;
    const size = 0.02 * plot.w;
    c.strokeStyle = paint.ink;
    c.lineWidth = 1.6;
    c.beginPath();
    this.push.forEach((p, i) => {
      const [x, y] = [plot.X(X[2 * i]), plot.Y(X[2 * i + 1])];
      // A leaf that stretches pulls outward.
      const side = block === 2 ? Math.sign(X[2 * i + d] - m.mu[2 * k + d]) : 1;
      const long = side * size * Math.max(-1.8, Math.min(1.8, p));
      c.moveTo(x, y);
      if (block && d === 0) c.lineTo(x + long, y);
      else c.lineTo(x, y - long);
    });
    c.stroke();
    const [mu, sd] = [pair(m.mu, k), pair(m.sd, k)],
      become = (now, wish) => now.map((v, i) => (i === d ? wish[i] : v));
    if (block === 1) plot.drawArrow(k, mu, become(mu, wishes[k].mu), 4);
    if (block === 2) plot.drawEllipse(k, mu, become(sd, wishes[k].sd), { dash: true, width: 2.5 });
  }

  /** What the chosen leaf is of each number, enlarged: its own vector over the number of leaves. */
  part(m, n) {
    return core.fisher(this.X.slice(2 * this.leaf, 2 * this.leaf + 2), m).map(v => (v / n) * ENLARGED);
  }

  number(v, wishes) {
    const told = inWords(this.world, this.bar, v[this.bar], wishes);
    return `<b class="num">Number ${this.bar + 1} of ${v.length} is ${signed(v[this.bar])}.</b> ${told}`;
  }

  belongs(q, K) {
    const i = this.leaf,
      { one } = this.world,
      name = one[0].toUpperCase() + one.slice(1);
    const shares = [...q.slice(K * i, K * i + K)].map((p, k) => `${letter(k)} ${percent(p)}`).join(", ");
    return `<b>${name} ${i + 1} of ${this.X.length / 2}</b> belongs to ${shares}. The dark notches are its part of each
      number, enlarged six times.`;
  }
}
