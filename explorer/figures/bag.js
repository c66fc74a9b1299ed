/* 1. A leaf is a point. */
"use strict";

const SHEET = { columns: 6, rows: 4 };

class BagFigure extends Figure {
  constructor(host) {
    super(host);
    this.X = data.first.slice();
    this.on = 3;
    const n = this.X.length / 2,
      turn = data.uniform(4);
    this.tilt = Array.from({ length: n }, () => (turn() - 0.5) * 0.5);
    // The leaf in each place of the sheet: in no order.
    this.order = [...Array(n).keys()].sort((a, b) => ((a * 7) % n) - ((b * 7) % n));
    const [left, right] = [column(host), column(host)];
    caption(`<b>A bag:</b> ${n} leaves, in no order`, left);
    caption("<b>The same bag:</b> one point per leaf", right);
    this.sheet = this.stage(left, {
      box: [0, SHEET.columns, 0, SHEET.rows],
      shape: 9 / 16,
      axes: null,
      label: "The leaves of the bag, drawn to scale",
    });
    const told = i => tellPoint(leaves, this.X, data.mixture, i).replace(/ A \d.*/, "");
    this.sheet.interact({ spots: () => this.places(), hover: i => this.choose(i), told });
    this.plot = this.bagStage(
      right,
      { label: "The same leaves as points" },
      { X: () => this.X, on: i => this.choose(i), moved: () => this.ask(), told },
    );
    this.draw();
  }

  choose(i) {
    if (i < 0 || i === this.on) return;
    this.on = i;
    this.ask();
  }

  /** Where each leaf lies on the sheet. */
  places() {
    return this.tilt.map((_, i) => {
      const at = this.order.indexOf(i);
      return { x: (at % SHEET.columns) + 0.5, y: SHEET.rows - Math.floor(at / SHEET.columns) - 0.5 };
    });
  }

  draw() {
    const c = this.sheet.begin(),
      scale = this.sheet.w / SHEET.columns / 16.5;
    this.places().forEach((spot, i) => {
      const [L, W] = pair(this.X, i),
        angle = this.tilt[i],
        on = i === this.on;
      const x = this.sheet.X(spot.x) - (Math.cos(angle) * L * scale) / 2;
      const y = this.sheet.Y(spot.y) - (Math.sin(angle) * L * scale) / 2;
      drawLeaf(
        c,
        { x, y, L, W, angle, scale, stem: true },
        on ? paint.accent : paint.sunken,
        on ? paint.accent : paint.muted,
        on,
      );
    });
    this.plot.begin();
    this.plot.drawAxes();
    this.drawBox();
    this.plot.drawPoints(this.X, null, 0, { picked: this.on, r: 4.6 });
    this.state = { X: [...this.X], on: this.on };
  }

  /** The chosen leaf in its box: the corner is the point. */
  drawBox() {
    const [L, W] = pair(this.X, this.on),
      { plot } = this,
      c = plot.g;
    c.strokeStyle = paint.accent;
    c.setLineDash([4, 4]);
    c.lineWidth = 1.2;
    c.strokeRect(plot.X(0), plot.Y(W), L * plot.scaleX, W * plot.scaleY);
    c.setLineDash([]);
    const at = { x: plot.X(0), y: plot.Y(W / 2), L, W, angle: 0, scale: plot.scaleX, stem: false };
    drawLeaf(c, at, paint.accent, paint.accent, true);
  }
}

/** A leaf of length L and width W, its stem at x, y. */
function drawLeaf(c, { x, y, L, W, angle, scale, stem }, fill, stroke, pale) {
  c.save();
  c.translate(x, y);
  c.rotate(angle);
  c.scale(scale, scale);
  c.beginPath();
  c.moveTo(0, 0);
  c.bezierCurveTo(L * 0.12, -W * 0.75, L * 0.62, -W * 0.58, L, 0);
  c.bezierCurveTo(L * 0.62, W * 0.58, L * 0.12, W * 0.75, 0, 0);
  c.globalAlpha = pale ? 0.22 : 1;
  c.fillStyle = fill;
  c.fill();
  c.globalAlpha = 1;
  c.strokeStyle = stroke;
  c.lineWidth = 1.4 / scale;
  c.stroke();
  c.beginPath();
  c.moveTo(stem ? -1.1 : 0, 0);
  c.lineTo(L * 0.93, 0);
  c.stroke();
  c.restore();
}
