/* What is drawn on a plot: points, blobs, wishes. */
"use strict";

const ROUND = 2 * Math.PI;

class Marks extends Plot {
  /** Who is responsible where: posteriors as a soft ground. */
  drawField(m, alpha) {
    const W = 128,
      H = 72,
      K = m.w.length,
      [x0, x1, y0, y1] = this.box;
    const tile = Object.assign(document.createElement("canvas"), { width: W, height: H });
    const pen = tile.getContext("2d"),
      image = pen.createImageData(W, H);
    const X = Float64Array.from({ length: 2 * W * H }, (_, i) => {
      const cell = i >> 1;
      return i % 2 ? y1 - ((y1 - y0) * (Math.floor(cell / W) + 0.5)) / H : x0 + ((x1 - x0) * ((cell % W) + 0.5)) / W;
    });
    const { q } = core.posteriors(X, m);
    for (let i = 0; i < W * H; i++) image.data.set([...blend(q, i, K), 255 * alpha], 4 * i);
    pen.putImageData(image, 0, 0);
    this.g.drawImage(tile, this.X(x0), this.Y(y1), this.X(x1) - this.X(x0), this.Y(y0) - this.Y(y1));
  }

  /** The radius of points, of which there are n. */
  radius(n) {
    return n > 1000 ? 1.7 : n > 300 ? 2.4 : this.w < 440 ? 3.4 : 4.4;
  }

  /** Points in the colours of their shares, or grey; `only`: bright as far as blob `only` owns them. */
  drawPoints(X, q, K, { r = this.radius(X.length / 2), only = null, picked = -1 } = {}) {
    const n = X.length / 2;
    if (n > 300) this.drawMany(X, q, K, r, only);
    else this.drawFew(X, q, K, r, only);
    if (picked >= 0 && picked < n) this.drawRing(X[2 * picked], X[2 * picked + 1], r + 3.5);
  }

  /** Each point by itself; one that is large enough has a rim. */
  drawFew(X, q, K, r, only) {
    const c = this.g;
    c.lineWidth = 1.2;
    c.strokeStyle = paint.raised;
    for (let i = 0; i < X.length / 2; i++) {
      c.fillStyle = q ? `rgb(${blend(q, i, K)})` : paint.muted;
      c.globalAlpha = only === null ? 1 : 0.12 + 0.88 * q[i * K + only];
      c.beginPath();
      c.arc(this.X(X[2 * i]), this.Y(X[2 * i + 1]), r, 0, ROUND);
      c.fill();
      if (r > 3) c.stroke();
    }
    c.globalAlpha = 1;
  }

  /** Many points: one path per colour, colours in steps of an eighth, above 1,000 squares. */
  drawMany(X, q, K, r, only) {
    const c = this.g,
      n = X.length / 2,
      paths = new Map();
    for (let i = 0; i < n; i++) {
      let key = 0;
      if (q) for (let k = 0; k < K; k++) key = key * 9 + Math.round(8 * q[i * K + k]);
      let entry = paths.get(key);
      if (!entry) paths.set(key, (entry = { i, path: new Path2D() }));
      const x = this.X(X[2 * i]),
        y = this.Y(X[2 * i + 1]);
      if (n > 1000) entry.path.rect(x - r, y - r, 2 * r, 2 * r);
      else {
        entry.path.moveTo(x + r, y);
        entry.path.arc(x, y, r, 0, ROUND);
      }
    }
    for (const { i, path } of paths.values()) {
      c.fillStyle = q ? `rgb(${blend(q, i, K)})` : paint.muted;
      c.globalAlpha = only === null ? 1 : 0.12 + (0.88 * Math.round(8 * q[i * K + only])) / 8;
      c.fill(path);
    }
    c.globalAlpha = 1;
  }

  /** A ring around a place. */
  drawRing(x, y, r, width = 2) {
    const c = this.g;
    c.strokeStyle = paint.ink;
    c.lineWidth = width;
    c.beginPath();
    c.arc(this.X(x), this.Y(y), r, 0, ROUND);
    c.stroke();
  }

  /** The ellipse of two standard deviations: it holds 86 of 100 of its own points. */
  drawEllipse(k, mu, sd, { dash = false, fill = 0, width = 2, alpha = 1, colour = paint.k[k] } = {}) {
    const c = this.g;
    c.beginPath();
    c.ellipse(this.X(mu[0]), this.Y(mu[1]), 2 * sd[0] * this.scaleX, 2 * sd[1] * this.scaleY, 0, 0, ROUND);
    if (fill) {
      c.globalAlpha = fill;
      c.fillStyle = paint.k[k];
      c.fill();
    }
    c.globalAlpha = alpha;
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.setLineDash(dash ? [6, 5] : []);
    if (width) c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
  }

  /** All blobs with their letters; `only` one of them bright; `plain` without hue. */
  drawMixture(m, { fill = 0.09, width = 2, tags = true, only = null, alpha = 1, plain = false } = {}) {
    m.w.forEach((_, k) => {
      const f = only === null || only === k ? alpha : 0.3 * alpha,
        [mu, sd] = [pair(m.mu, k), pair(m.sd, k)];
      const colour = plain ? paint.faint : paint.k[k];
      this.drawEllipse(k, mu, sd, { fill: plain ? 0 : fill * f, width, alpha: f, colour });
      if (tags) this.drawTag(k, mu[0] - 1.56 * sd[0], mu[1] + 1.56 * sd[1], f, plain);
    });
  }

  /** The letter of a blob on its rim. */
  drawTag(k, x, y, alpha = 1, plain = false) {
    const c = this.g,
      [left, right, top] = this.margin,
      keep = (v, lo, hi) => Math.min(hi - 11, Math.max(lo + 11, v));
    const px = keep(this.X(x), left, this.w - right),
      py = keep(this.Y(y), top, this.Y(this.box[2]));
    c.globalAlpha = alpha;
    c.fillStyle = paint.raised;
    c.beginPath();
    c.arc(px, py, 10, 0, ROUND);
    c.fill();
    c.strokeStyle = plain ? paint.faint : paint.k[k];
    c.lineWidth = 1.5;
    c.stroke();
    c.fillStyle = plain ? paint.muted : paint.text[k];
    c.font = "700 " + paint.font;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(LETTERS[k], px, py + 0.5);
    c.font = paint.font;
    c.globalAlpha = 1;
  }

  /** An arrow that begins with a dot. */
  drawArrow(k, from, to, width = 3) {
    const c = this.g,
      [ax, ay, bx, by] = [this.X(from[0]), this.Y(from[1]), this.X(to[0]), this.Y(to[1])];
    const length = Math.hypot(bx - ax, by - ay),
      [ux, uy] = [(bx - ax) / length, (by - ay) / length];
    c.strokeStyle = c.fillStyle = paint.k[k];
    c.beginPath();
    c.arc(ax, ay, width + 0.6, 0, ROUND);
    c.fill();
    if (!(length >= 7)) return;
    const head = Math.min(11, length * 0.55),
      side = head * 0.52;
    c.lineWidth = width;
    c.lineCap = "round";
    this.line([
      [ax, ay],
      [bx - ux * head * 0.8, by - uy * head * 0.8],
    ]);
    c.beginPath();
    c.moveTo(bx, by);
    c.lineTo(bx - ux * head - uy * side, by - uy * head + ux * side);
    c.lineTo(bx - ux * head + uy * side, by - uy * head - ux * side);
    c.fill();
    c.lineCap = "butt";
  }

  /** What each blob wants: a dashed ellipse where it would stretch, an arrow where it would move. */
  drawWishes(m, wishes) {
    wishes.forEach((wish, k) => {
      const [mu, sd] = [pair(m.mu, k), pair(m.sd, k)];
      if (stretches(wish, m, k)) this.drawEllipse(k, mu, wish.sd, { dash: true, width: 2.2 });
      if (moves(wish, m, k)) this.drawArrow(k, mu, wish.mu);
    });
  }
}

/** The two numbers of blob k. */
const pair = (list, k) => [list[2 * k], list[2 * k + 1]];

/** How far a blob would move, in its own widths, and how much it would stretch in each direction. */
const far = (wish, m, k) => [0, 1].map(d => (wish.mu[d] - m.mu[2 * k + d]) / m.sd[2 * k + d]);
const grown = (wish, m, k) => [0, 1].map(d => wish.sd[d] / m.sd[2 * k + d]);

/** Which wishes are large enough to be told. */
const moves = (wish, m, k) => Math.hypot(...far(wish, m, k)) > 0.2;
const stretches = (wish, m, k) => grown(wish, m, k).some(f => Math.abs(Math.log(f)) > 0.12);
const gains = (wish, m, k) => Math.abs(wish.w - m.w[k]) >= 0.015;
