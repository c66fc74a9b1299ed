/* A plot whose points can be chosen and moved: by mouse, by finger, by keys. */
"use strict";

/** How near a pointer has to be, in pixels: a finger is less exact. */
const REACH = { mouse: 14, pen: 18, touch: 26 };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class Stage extends Marks {
  /** `spots()`: [{x, y}]; `move(i, x, y)`; `hover(i)`, -1 for none; `told(i)`: what is said of spot i;
      `tap(x, y)`. */
  interact({ spots, move, hover, told, tap, keys }) {
    Object.assign(this, { spots, move, hover, told, tap, held: -1, chosen: -1 });
    const how =
      keys ?? (move ? "Full stop and comma choose one, arrow keys move it." : "Full stop and comma choose one.");
    this.host.setAttribute("role", "application");
    this.host.setAttribute("aria-roledescription", "plot");
    this.host.setAttribute("aria-label", `${this.label}. ${how}`);
    this.host.tabIndex = 0;
    const on = (type, act, options) => this.host.addEventListener(type, act.bind(this), options);
    on("pointerdown", this.pressed);
    on("pointermove", this.pointed);
    on("pointerup", this.dropped);
    on("pointercancel", this.dropped);
    on("pointerleave", this.left);
    // Only a finger that holds a point keeps the page from scrolling.
    on("touchstart", event => this.held >= 0 && event.preventDefault(), { passive: false });
    on("click", this.clicked);
    on("keydown", this.typed);
    on("blur", () => this.choose(-1));
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** The spot under a pointer, or -1. */
  under(event) {
    const [px, py] = this.at(event),
      spots = this.spots();
    let best = -1,
      least = (REACH[event.pointerType] ?? REACH.mouse) ** 2;
    spots.forEach((spot, i) => {
      const distance = (this.X(spot.x) - px) ** 2 + (this.Y(spot.y) - py) ** 2;
      if (distance <= least) [best, least] = [i, distance];
    });
    return best;
  }

  pressed(event) {
    if (event.button) return;
    const i = this.under(event);
    if (i < 0) return;
    this.hover?.(i);
    if (!this.move) return;
    this.held = i;
    this.host.setPointerCapture(event.pointerId);
    this.host.classList.add("has");
  }

  pointed(event) {
    if (this.held >= 0) this.move(this.held, ...this.inside(...this.back(...this.at(event))));
    else if (event.pointerType !== "touch") {
      const i = this.under(event);
      this.host.classList.toggle("can", i >= 0 && !!this.move);
      this.hover?.(i);
    }
  }

  dropped() {
    this.held = -1;
    this.host.classList.remove("has");
  }

  left(event) {
    if (this.held < 0 && event.pointerType !== "touch") this.hover?.(-1);
  }

  /** A click, or a tap that was not a swipe, beside all points. */
  clicked(event) {
    if (this.under(event) >= 0) return;
    if (this.tap) this.tap(...this.inside(...this.back(...this.at(event))));
    else this.hover?.(-1);
  }

  choose(i) {
    if (i < 0 && this.chosen < 0) return;
    this.chosen = i;
    this.hover?.(i);
  }

  typed(event) {
    const spots = this.spots();
    if (!spots.length || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ".": 1, ",": -1 }[event.key],
      way = ARROWS[event.key];
    if (event.key === "Escape") this.choose(-1);
    else if (step)
      this.choose(this.chosen < 0 && step < 0 ? spots.length - 1 : (this.chosen + step + spots.length) % spots.length);
    else if (way) this.shift(way, event.shiftKey, spots);
    else return;
    event.preventDefault();
    requestAnimationFrame(() =>
      requestAnimationFrame(() => say(this.chosen < 0 ? "" : (this.told?.(this.chosen) ?? ""))),
    );
  }

  /** An arrow key: a 160th of the width, with Shift ten times that. */
  shift(way, far, spots) {
    if (this.chosen < 0) this.choose(0);
    if (!this.move) return;
    const { x, y } = spots[this.chosen],
      parts = far ? 16 : 160,
      [x0, x1, y0, y1] = this.box;
    const across = (x1 - x0) / parts,
      up = this.shape ? (y1 - y0) / parts : across;
    this.move(this.chosen, ...this.inside(x + way[0] * across, y + way[1] * up));
    this.hover?.(this.chosen);
  }
}
