/* 10. Places. */
"use strict";

/** A garden is so many times as broad as high; its places are in [0, 1]. */
const BROAD = 1.6;

class PlacesFigure extends Figure {
  constructor(host) {
    super(host);
    this.X = data.bags.River;
    this.q = core.posteriors(this.X, data.mixture).q;
    const root = Math.sqrt(1 / 12);
    // Anywhere: the mean and the spread of the whole square.
    this.anywhere = { w: data.mixture.w, mu: Array(6).fill(0.5), sd: Array(6).fill(root) };
    this.gardens = Object.entries(data.layouts).map(([name, layout]) =>
      this.garden(column(host), name, layout.slice()),
    );
    this.draw();
  }

  garden(host, name, places) {
    caption(`<b>${name}</b>`, host);
    const plot = this.stage(host, {
      box: [0, BROAD, 0, 1],
      axes: null,
      label: `Where the leaves lay in the ${name.toLowerCase()}`,
    });
    plot.interact({
      spots: () => spotsOf(seen(places)),
      move: (i, x, y) => {
        places.set([x / BROAD, y], 2 * i);
        this.ask();
      },
      hover: i => {
        plot.on = i;
        this.ask();
      },
      told: i =>
        `Leaf ${i + 1} of ${places.length / 2}: ${pair(places, i)
          .map((v, d) => `${percent(v)} ${["across", "up"][d]}`)
          .join(", ")}.`,
    });
    caption("<b>Fisher vector:</b> what the leaves are", host, "gap");
    const upper = new Bars(host, { flat: true, height: 84, greek: false });
    caption("<b>Spatial Fisher vector:</b> where they lay, 12 numbers more", host, "gap");
    const lower = new Bars(host, {
      flat: true,
      height: 116,
      scale: 0.95,
      blocks: [1, 2],
      greek: false,
      label: "The spatial Fisher vector",
    });
    return { plot, places, upper, lower };
  }

  draw() {
    this.state = this.gardens.map(({ plot, places, upper, lower }) => {
      const leaves = core.fisher(this.X, data.mixture),
        spatial = core.spatial(this.X, places, data.mixture);
      this.drawGarden(plot, places);
      upper.set(leaves);
      lower.set(spatial);
      return { places: [...places], leaves: [...leaves], spatial: [...spatial] };
    });
  }

  /** The leaves where they lie; arrows from the middle to where those of each blob are, and how widely. */
  drawGarden(plot, places) {
    const c = plot.begin(),
      lies = core.maximize(core.statistics(places, this.anywhere, this.q), this.anywhere);
    c.strokeStyle = paint.rule;
    c.lineWidth = 1;
    plot.line([
      [plot.w / 2, 0],
      [plot.w / 2, plot.h],
    ]);
    plot.line([
      [0, plot.h / 2],
      [plot.w, plot.h / 2],
    ]);
    plot.drawPoints(seen(places), this.q, 3, { picked: plot.on ?? -1 });
    lies.w.forEach((_, k) => {
      const [[x, y], [sx, sy]] = [pair(lies.mu, k), pair(lies.sd, k)];
      plot.drawEllipse(k, [BROAD * x, y], [BROAD * sx * 0.8, sy * 0.8], { width: 1.6, dash: true });
      plot.drawArrow(k, [BROAD / 2, 0.5], [BROAD * x, y], 3.5);
    });
  }
}

/** Places as they are drawn. */
const seen = places => places.map((v, i) => (i % 2 ? v : BROAD * v));
