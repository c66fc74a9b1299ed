/* 11. Votes. */
"use strict";

/** The strength of the ridge; the length of the line of bags in units of the score. */
const PENALTY = 0.8,
  LINE = 3.6;

class VotesFigure extends Figure {
  constructor(host) {
    super(host);
    this.list = data.classes();
    const vectors = this.list.map(bag => core.fisher(bag.X, data.mixture));
    Object.assign(
      this,
      core.ridge(
        vectors,
        this.list.map(bag => bag.y),
        PENALTY,
      ),
    );
    this.scores = vectors.map(v => core.dot(this.w, v) + this.bias);
    this.own = this.list.map(bag => bag.X.slice());
    this.pick = this.order((a, b) => Math.abs(this.scores[a]) - Math.abs(this.scores[b]))[0];
    this.on = -1;
    this.strip(column(host, "wide"));
    const [left, right] = [column(host), column(host)];
    this.plot = this.bagStage(
      left,
      { label: "The votes of the leaves of the chosen bag" },
      {
        X: () => this.own[this.pick],
        on: i => {
          this.on = i;
          this.ask();
        },
        told: i =>
          `Leaf ${i + 1} of ${this.state.votes.length} votes ${signed(this.state.votes[i], 4)}. ` +
          `The score is ${signed(this.state.total, 3)}.`,
      },
    );
    caption(
      `<span class="plus" aria-hidden="true">●</span> for River &nbsp;
      <span class="minus" aria-hidden="true">●</span>
      for Hill. The larger, the louder.`,
      left,
      "below",
    );
    this.sums = column(right);
    this.draw();
  }

  order(by) {
    return this.list.map((_, i) => i).sort(by);
  }

  /** All bags on a line, in order of their scores. */
  strip(host) {
    caption("<b>24 bags on a line.</b> Choose one.", host);
    this.axis = el('<div class="scale" role="radiogroup" aria-label="Bag"><div></div></div>', host);
    this.dots = this.list.map((_, i) => {
      const dot = el('<button class="dot" type="button" role="radio"></button>', this.axis);
      dot.onclick = () => this.choose(i);
      return dot;
    });
    this.axis.onkeydown = event => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const order = this.order((a, b) => this.scores[a] - this.scores[b]),
        n = order.length;
      this.choose(order[(order.indexOf(this.pick) + way + n) % n]);
      this.dots[this.pick].focus();
    };
  }

  choose(i) {
    this.pick = i;
    this.on = -1;
    this.draw();
  }

  draw() {
    const X = this.own[this.pick],
      { w, bias } = this,
      v = core.fisher(X, data.mixture);
    const votes = core.votes(X, data.mixture, w),
      total = core.dot(w, v) + bias;
    this.scores[this.pick] = total;
    this.drawVotes(X, votes);
    this.drawLine();
    this.add(v, votes, total);
    this.state = {
      w: [...w],
      bias,
      v: [...v],
      votes: [...votes],
      total,
      scores: [...this.scores],
      pick: this.pick,
      X: [...X],
    };
  }

  /** Blobs in grey, leaves by the sign and the loudness of their votes. */
  drawVotes(X, votes) {
    const { plot } = this,
      c = plot.begin(),
      top = Math.max(...votes.map(Math.abs)),
      wide = 9 * Math.min(1, plot.w / 560);
    plot.drawAxes();
    plot.drawMixture(data.mixture, { width: 1.2, plain: true });
    const quiet = [...votes.keys()].sort((a, b) => Math.abs(votes[b]) - Math.abs(votes[a]));
    for (const i of quiet) {
      const r = 2.4 + wide * Math.sqrt(Math.abs(votes[i]) / top);
      c.beginPath();
      c.arc(plot.X(X[2 * i]), plot.Y(X[2 * i + 1]), r, 0, ROUND);
      c.fillStyle = votes[i] > 0 ? paint.plus : paint.minus;
      c.globalAlpha = 0.82;
      c.fill();
      c.globalAlpha = 1;
      c.strokeStyle = paint.raised;
      c.lineWidth = 1;
      c.stroke();
      if (i === this.on) plot.drawRing(X[2 * i], X[2 * i + 1], r);
    }
  }

  /** The line of bags: River round, Hill square. */
  drawLine() {
    const W = this.axis.clientWidth,
      at = s => Math.max(14, Math.min(W - 14, W / 2 + (s * W) / LINE));
    const marks = this.list.map(({ y }, i) => {
      const x = at(this.scores[i]),
        mine = i === this.pick,
        r = mine ? 9 : 6.5,
        side = 2 * r - 2;
      const rim = mine ? 'stroke="var(--ink)" stroke-width="2.5"' : 'stroke="var(--paper)" stroke-width="1.5"';
      return y > 0
        ? `<circle cx="${x}" cy="36" r="${r}" fill="var(--plus)" ${rim}/>`
        : `<rect x="${x - side / 2}" y="${36 - side / 2}" width="${side}" height="${side}" fill="var(--minus)"
            ${rim}/>`;
    });
    this.axis.firstChild.innerHTML = `<svg aria-hidden="true">
      <path d="M0 36H${W}" stroke="var(--rule)" stroke-width="2"/>
      <path d="M${W / 2} 12V60" stroke="var(--ink)" stroke-width="1.5"/><g fill="var(--muted)">
      <text x="${W - 2}" y="70" text-anchor="end">River →</text><text x="2" y="70">← Hill</text></g>
      ${marks.join("")}</svg>`;
    this.dots.forEach((dot, i) => {
      dot.style.left = at(this.scores[i]) + "px";
      dot.setAttribute("aria-checked", i === this.pick);
      dot.setAttribute("aria-label", `${this.list[i].name}: ${signed(this.scores[i], 3)}`);
      dot.tabIndex = i === this.pick ? 0 : -1;
    });
  }

  /** The two sums, by leaf and by number of the vector. */
  add(v, votes, total) {
    const plus = votes.filter(x => x > 0),
      minus = votes.filter(x => x <= 0),
      sum = list => list.reduce((a, b) => a + b, 0);
    const block = b => sum([...v].map((x, j) => (where(j, 3).block === b ? x * this.w[j] : 0)));
    const side = total > 0 ? "River" : "Hill",
      sign = total > 0 ? "plus" : "minus",
      bias = ["head start (bias)", this.bias];
    const leaves = [
      [`${plus.length} leaves for River`, sum(plus)],
      [`${minus.length} leaves for Hill`, sum(minus)],
    ];
    const leaf = this.on < 0 ? "" : ` This leaf: <b>${signed(votes[this.on], 4)}</b>.`;
    this.sums.innerHTML = `<p class="cap"><b>${this.list[this.pick].name}:</b> ${votes.length} leaves vote</p>
      <p class="big num ${sign}"><span data-value="${total}">${signed(total, 3)}</span> <small>${side}</small></p>
      ${sumTable("by leaf", [...leaves, bias])}
      ${sumTable("by number of the vector", [...BLOCKS.map((name, b) => [name, block(b)]), bias])}
      <p class="cap below">Both add up to ${signed(total, 3)}, whatever you drag.${leaf}</p>`;
  }
}

/** Numbers that add up. */
function sumTable(title, rows) {
  const row = ([name, x]) => `<tr><td>${name}</td><td class="r" data-value="${x}">${signed(x, 3)}</td></tr>`;
  return `<table class="plain"><thead><tr><th>${title}</th><th class="r">adds</th></tr></thead>
    <tbody>${rows.map(row).join("")}</tbody></table>`;
}
