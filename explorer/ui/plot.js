/* A canvas with coordinates and axes. */
"use strict";

/** About so many round numbers from lo to hi. */
function ticks(lo, hi, about) {
  const rough = (hi - lo) / about,
    power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 4, 5, 10].map(f => f * power).find(s => s >= rough * 0.999);
  const first = Math.ceil(lo / step - 1e-9),
    last = Math.floor(hi / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(9)));
}

class Plot {
  /** `box`: x0, x1, y0, y1 in units of the data. `axes`: titles, or null. `shape`: height by width; null:
      to scale. */
  constructor(
    host,
    { box = [0, 16, 0, 9], axes = ["length, cm", "width, cm"], shape = null, label = "", margin } = {},
  ) {
    this.host = el(`<div class="stage" role="img"><canvas aria-hidden="true"></canvas></div>`, host);
    this.canvas = this.host.firstChild;
    this.label = label;
    this.host.setAttribute("aria-label", label);
    this.view({ box, axes, shape, margin });
    new ResizeObserver(() => this.resized()).observe(this.host);
  }

  /** Shows another part of the plane, or other axes. */
  view({ box, axes, shape = null, margin }) {
    Object.assign(this, { box, axes, shape });
    this.margin = margin ?? (axes ? [32, 12, 10, 38] : [0, 0, 0, 0]); // left, right, top, bottom
    this.size = null;
    this.fit();
  }

  resized() {
    if (this.fit()) this.onresize?.();
  }

  /** Makes the canvas as wide as there is room; whether that has changed anything. */
  fit() {
    const w = this.host.clientWidth || 320,
      dpr = Math.min(devicePixelRatio || 1, 3);
    if (this.size === `${w} ${dpr}`) return false;
    this.size = `${w} ${dpr}`;
    const [left, right, top, bottom] = this.margin,
      [x0, x1, y0, y1] = this.box,
      inner = w - left - right;
    this.scaleX = inner / (x1 - x0);
    this.scaleY = this.shape ? (inner * this.shape) / (y1 - y0) : this.scaleX;
    const h = Math.round((y1 - y0) * this.scaleY + top + bottom);
    Object.assign(this, { w, h, dpr });
    this.canvas.width = w * dpr;
    this.canvas.height = h * dpr;
    return true;
  }

  X(x) {
    return this.margin[0] + (x - this.box[0]) * this.scaleX;
  }

  Y(y) {
    return this.h - this.margin[3] - (y - this.box[2]) * this.scaleY;
  }

  /** From pixels to units of the data. */
  back(px, py) {
    return [
      (px - this.margin[0]) / this.scaleX + this.box[0],
      (this.h - this.margin[3] - py) / this.scaleY + this.box[2],
    ];
  }

  /** The nearest place inside the box. */
  inside(x, y) {
    const [x0, x1, y0, y1] = this.box,
      edge = (lo, hi) => (hi - lo) / 500;
    const within = (v, lo, hi) => Math.min(hi - edge(lo, hi), Math.max(lo + edge(lo, hi), v));
    return [within(x, x0, x1), within(y, y0, y1)];
  }

  /** An empty canvas to draw on. */
  begin() {
    const c = (this.g = this.canvas.getContext("2d"));
    c.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    c.clearRect(0, 0, this.w, this.h);
    c.globalAlpha = 1;
    c.font = paint.font;
    return c;
  }

  /** A line through pixels. */
  line(places) {
    this.g.beginPath();
    places.forEach(([x, y], i) => (i ? this.g.lineTo(x, y) : this.g.moveTo(x, y)));
    this.g.stroke();
  }

  /** Axes with a few numbers; `unit` scales what is printed below, `title` replaces that axis's. */
  drawAxes({ unit = 1, title } = {}) {
    if (!this.axes) return;
    const c = this.g,
      [x0, x1, y0, y1] = this.box;
    const across = ticks(x0, x1, 4.5),
      up = ticks(y0, y1, 4.5);
    c.strokeStyle = paint.grid;
    c.fillStyle = paint.muted;
    c.lineWidth = 1;
    across.forEach(x =>
      this.line([
        [this.X(x), this.Y(y0)],
        [this.X(x), this.Y(y1)],
      ]),
    );
    up.forEach(y =>
      this.line([
        [this.X(x0), this.Y(y)],
        [this.X(x1), this.Y(y)],
      ]),
    );
    c.font = paint.font.replace("13px", "12px");
    this.write(
      across.filter(x => x < x1),
      x => [this.X(x), this.Y(y0) + 6],
      "center",
      "top",
      unit,
    );
    this.write(
      up.filter(y => y > y0 && y < y1),
      y => [this.X(x0) - 7, this.Y(y)],
      "right",
      "middle",
      1,
    );
    c.textAlign = "right";
    c.textBaseline = "bottom";
    c.fillText(this.cut(title ?? this.axes[0]) + " →", this.X(x1) - 2, this.Y(y0) + 37);
    c.textAlign = "left";
    c.textBaseline = "top";
    c.fillText("↑ " + this.cut(this.axes[1]), this.X(x0) + 7, this.Y(y1) + 5);
    c.font = paint.font;
  }

  /** The numbers of an axis. */
  write(values, place, align, baseline, unit) {
    Object.assign(this.g, { textAlign: align, textBaseline: baseline });
    const text = v => String(Number((v * unit).toPrecision(6))).replace("-", MINUS);
    values.forEach(v => this.g.fillText(text(v), ...place(v)));
  }

  /** As much of a title as there is room for. */
  cut(title) {
    const room = (this.w - this.margin[0]) * 0.7,
      wide = text => this.g.measureText(text).width;
    if (wide(title) <= room) return title;
    let n = title.length;
    while (n > 1 && wide(title.slice(0, n) + "…") > room) n--;
    return title.slice(0, n) + "…";
  }
}
