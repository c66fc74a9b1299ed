/* What all figures have in common: they are drawn at most once a frame, and keep what they show for the
   tests. */
"use strict";

class Figure {
  constructor(host) {
    this.host = host;
    this.state = {};
    this.ask = scheduler(() => this.draw());
  }

  /** A stage that is drawn with the figure: at once when its size has changed, since that empties it. */
  stage(host, options) {
    const stage = new Stage(host, options);
    stage.onresize = () => this.draw();
    return stage;
  }

  /** A stage whose points are those of the bag `X()`; `on` is the one that stands out. */
  bagStage(host, options, { X, on, moved, told }) {
    const stage = this.stage(host, options);
    stage.interact({
      spots: () => spotsOf(X()),
      move: (i, x, y) => {
        X().set([x, y], 2 * i);
        moved?.(i);
        on(i);
      },
      hover: on,
      told,
    });
    return stage;
  }
}
