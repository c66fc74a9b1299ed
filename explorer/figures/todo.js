/* 4. The to-do list. */
"use strict";

/** The part of the way that "Do it" goes per frame; where it ends, in widths; the most steps at once. */
const PART = 0.22,
  NEAR = 0.002,
  MOST = 400;

class TodoFigure extends Figure {
  constructor(host) {
    super(host);
    this.bar = column(host, "wide row");
    const [left, right] = [column(host), column(host)];
    this.plot = this.bagStage(
      left,
      { label: "The bag, its blobs, and dashed what each would like to become" },
      {
        X: () => this.X,
        on: i => {
          this.on = i;
          this.ask();
        },
        told: i => tellPoint(this.world, this.X, this.m, i),
      },
    );
    caption("Weight now, and below it the share of this bag", left, "below");
    this.shares = column(left);
    caption("<b>The to-do list of this bag</b>", right);
    this.list = el('<ul class="todo"></ul>', right);
    this.show(leaves);
  }

  show(world) {
    this.world = world;
    this.plot.view(world.view);
    this.bar.replaceChildren();
    bagTabs(this.bar, Object.keys(world.bags), world.first, name => this.take(name));
    button(this.bar, "Do it", () => this.act(), "");
    this.undo = button(this.bar, "Undo", () => this.reset());
    this.take(world.first);
  }

  /** Another bag. */
  take(name) {
    this.X = this.world.bags[name].slice();
    this.on = -1;
    this.reset();
  }

  reset() {
    this.m = core.copy(this.world.mixture);
    this.goal = null;
    this.draw();
  }

  /** EM to the end, which empties the list: in small steps, or at once for who wishes for less motion. */
  act() {
    this.goal = this.next();
    for (let i = 0; calm.matches && this.goal && i < MOST; i++) this.walk(1);
    this.ask();
  }

  next() {
    return core.maximize(core.statistics(this.X, this.m), this.m);
  }

  /** A part of the way to the goal; none is left where all is done. */
  walk(part) {
    const { m, goal } = this,
      mix = (a, b) => a.map((v, i) => v + (b[i] - v) * part);
    this.m = { w: mix(m.w, goal.w), mu: mix(m.mu, goal.mu), sd: mix(m.sd, goal.sd) };
    const next = this.next(),
      off = (a, b, by) => Math.max(...a.map((v, i) => Math.abs(v - b[i]) / by(i)));
    const wide = i => this.m.sd[i];
    const left = Math.max(
      off(next.mu, this.m.mu, wide),
      off(next.sd, this.m.sd, wide),
      off(next.w, this.m.w, () => 1),
    );
    this.goal = left < NEAR ? null : next;
    if (!this.goal) say("Done. The list is empty.");
  }

  draw() {
    if (this.goal) this.walk(PART);
    const { m, X, plot, world } = this,
      { q } = core.posteriors(X, m),
      s = core.statistics(X, m, q);
    const wishes = wishesOf(s, m);
    plot.begin();
    plot.drawAxes();
    plot.drawPoints(X, q, m.w.length, { picked: this.on });
    plot.drawMixture(m);
    plot.drawWishes(m, wishes);
    this.shares.innerHTML = balance(m.w, wishes, plot.w);
    this.list.innerHTML = todoList(world, wishes, m);
    this.undo.setAttribute(
      "aria-disabled",
      m.mu.every((v, i) => v === world.mixture.mu[i]),
    );
    this.state = { X: [...X], m: core.copy(m), wishes, vector: [...core.gradient(s, m)], moving: !!this.goal };
    if (this.goal) this.ask();
  }
}
