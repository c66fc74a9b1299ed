/* The palette of the page, and colours between those of blobs. */
"use strict";

/** Colours as the theme has them, read again when it changes. */
const paint = {
  figures: new Set(),

  read() {
    const probe = el('<span class="probe"></span>', document.body);
    const style = getComputedStyle(probe);
    const get = name => {
      probe.style.color = `var(--${name})`;
      return style.color;
    };
    for (const name of [
      "paper",
      "raised",
      "sunken",
      "ink",
      "muted",
      "faint",
      "rule",
      "accent",
      "plus",
      "minus",
      "grid",
    ]) {
      this[name] = get(name);
    }
    this.k = [..."abcde"].map(get);
    this.text = [..."abcde"].map(c => get(`${c}-ink`));
    this.lab = this.k.map(toLab);
    this.font = `13px ${getComputedStyle(document.body).fontFamily}`;
    probe.remove();
  },

  /** Draws all figures anew, at once. */
  again() {
    this.read();
    this.figures.forEach(draw => draw());
  },
};

/** OKLab of "rgb(r, g, b)": half orange and half violet is no mud there. */
function toLab(rgb) {
  const linear = c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = rgb
    .match(/\d+(\.\d+)?/g)
    .slice(0, 3)
    .map(c => linear(c / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** The other way: [r, g, b], from 0 to 255. */
function fromLab(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const encoded = c => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(c => Math.round(255 * Math.min(1, Math.max(0, encoded(c)))));
}

/** The colour of point i: those of the blobs, mixed by its shares. */
function blend(q, i, K) {
  let L = 0,
    a = 0,
    b = 0;
  for (let k = 0; k < K; k++) {
    const p = q[i * K + k],
      colour = paint.lab[k];
    L += p * colour[0];
    a += p * colour[1];
    b += p * colour[2];
  }
  return fromLab(L, a, b);
}
