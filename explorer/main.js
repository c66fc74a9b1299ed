/* Makes the figures when the mathematics is ready. */
"use strict";

const MAKERS = {
  bag: BagFigure,
  mixture: MixtureFigure,
  shares: SharesFigure,
  todo: TodoFigure,
  vector: VectorFigure,
  nudge: NudgeFigure,
  units: UnitsFigure,
  relatives: RelativesFigure,
  cures: CuresFigure,
  places: PlacesFigure,
  votes: VotesFigure,
  own: OwnFigure,
};

/** For tests and for who is curious: the mathematics, the data, and what each figure shows
    (`figures.todo.state`). */
const explorer = { core, data, figures: {} };
window.explorer = explorer;

/** Busy until there are figures: for screen readers, and for tests. */
const main = document.querySelector("main");
main.ariaBusy = "true";

/** One figure per section; then to the one that the address names. */
function start() {
  paint.read();
  for (const [id, Maker] of Object.entries(MAKERS)) {
    explorer.figures[id] = new Maker(document.querySelector(`#${id} figure`));
  }
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named) named.scrollIntoView();
  main.ariaBusy = "false";
}

/** Says what to do where the figures cannot be made. */
function failed(error) {
  main.ariaBusy = "false";
  const text =
    "The figures could not be made, since this browser does not run WebAssembly. The texts and the picture tell all.";
  el(`<p class="noscript" role="alert">${text}</p>`, document.querySelector("header"));
  throw error;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint.again());
matchMedia("(forced-colors: active)").addEventListener("change", () => paint.again());

// On paper all is unfolded, and drawn in the colours of paper.
matchMedia("print").addEventListener("change", event => {
  for (const details of document.querySelectorAll("details")) {
    if (event.matches) details.dataset.was = details.open ? "open" : "";
    details.open = event.matches || details.dataset.was === "open";
  }
  paint.again();
});

core.ready.then(start, failed);
