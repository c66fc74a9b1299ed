/* 3. Posteriors. */
"use strict";

class SharesFigure extends Figure {
  constructor(host) {
    super(host);
    const [left, right] = [column(host), column(host)];
    this.ground = this.stage(left, { label: "One leaf among the blobs" });
    this.table = column(right);
    const move = (_, x, y) => {
      this.point.set([x, y]);
      this.ask();
    };
    this.ground.interact({
      spots: () => spotsOf(this.point),
      move,
      tap: (x, y) => move(0, x, y),
      keys: "Arrow keys move it.",
      told: () => tellPoint(this.world, this.point, this.world.mixture, 0),
    });
    this.show(leaves);
  }

  /** Another world: its blobs, and its points behind them. */
  show(world) {
    this.world = world;
    const { mixture: m } = world;
    const middle = m.w.length > 1 ? [0, 1].map(d => (m.mu[d] + m.mu[2 + d]) / 2) : pair(m.mu, 0);
    this.point = Float64Array.from(world.own ? middle : [10.6, 3.65]);
    this.ground.view(world.view);
    this.draw();
  }

  draw() {
    const { world, ground, point } = this,
      m = world.mixture,
      { q } = core.posteriors(point, m),
      shares = [...q];
    ground.begin();
    ground.drawField(m, 0.3);
    ground.drawAxes();
    if (world.own) ground.drawPoints(world.all, null, 0, { r: 1.7 });
    ground.drawMixture(m, { fill: 0 });
    this.drawPie(shares);
    const like = m.w.map((w, k) => 1000 * w * density(m, k, point, world.cell ?? [1, 1]));
    this.table.innerHTML = this.asked(like) + this.split(shares);
    this.state = { shares, like, point: [...point] };
  }

  /** The leaf as a pie of its shares. */
  drawPie(shares) {
    const { ground } = this,
      c = ground.g,
      [x, y] = [ground.X(this.point[0]), ground.Y(this.point[1])];
    let from = -Math.PI / 2;
    shares.forEach((p, k) => {
      c.beginPath();
      c.moveTo(x, y);
      c.arc(x, y, 13, from, (from += ROUND * p));
      c.fillStyle = paint.k[k];
      c.fill();
    });
    ground.drawRing(...this.point, 13, 2.2);
  }

  /** How many of 1,000 would look like this one. */
  asked(like) {
    const { world } = this,
      top = Math.max(...like, 1e-9),
      [x, y] = this.point;
    const look = world.own
      ? `Of 1,000 points like yours so many would lie within ${world.near} of this one:`
      : `Of 1,000 typical leaves so many look like this one, ${fixed(x, 1)} × ${fixed(y, 1)} cm, give or take half a
        centimetre:`;
    const rows = like.map(
      (f, k) => `<tr><th scope="row">${letter(k)} ${world.names[k] ?? ""}</th>
      <td class="half"><div class="meter k${k}"><div style="width:${(100 * f) / top}%"></div></div></td>
      <td class="r">${fixed(f, f < 9.95 ? 1 : 0)}</td></tr>`,
    );
    return `<p class="cap"><b>Whose ${world.one} is it?</b> ${look}</p>
      <table class="plain"><tbody>${rows.join("")}</tbody></table>`;
  }

  /** Its shares, which are these numbers divided by their sum. */
  split(shares) {
    const parts = shares.map((p, k) => `<div class="k${k}" style="width:${100 * p}%"></div>`).join("");
    const told = shares.map((p, k) => `<span>${letter(k)} <span data-value="${p}">${share(p)}</span></span>`).join("");
    return `<p class="cap gap"><b>Its shares:</b> these, divided by their sum</p>
      <div class="shared" aria-hidden="true">${parts}</div>
      <p class="row shares num">${told}</p>`;
  }
}

/** The density of blob k at a point, times the size of a cell. */
function density(m, k, point, cell) {
  return [0, 1].reduce((p, d) => {
    const sd = m.sd[2 * k + d],
      z = (point[d] - m.mu[2 * k + d]) / sd;
    return (p * cell[d] * Math.exp((-z * z) / 2)) / (sd * Math.sqrt(ROUND));
  }, 1);
}
