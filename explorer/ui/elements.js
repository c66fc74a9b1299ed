/* Elements from HTML, and numbers as text. */
"use strict";

const LETTERS = "ABCDE";
const MINUS = "−";
const BLOCKS = ["weight", "move", "stretch"];
const GREEK = ["α", "μ", "σ"];
/** Who wishes for less motion gets the end at once. */
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** The element that some HTML describes, appended to `host` if there is one. */
function el(html, host) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  const node = template.content.firstElementChild;
  host?.append(node);
  return node;
}

/** A caption above a part of a figure. */
const caption = (html, host, style = "") => el(`<p class="cap ${style}">${html}</p>`, host);

/** A column of a figure. */
const column = (host, style = "") => el(`<div class="${style}"></div>`, host);

/** Text as it stands in HTML, in elements and in attributes. */
const escaped = text => text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

/** A number with so many digits: the true minus sign, and none before zero. */
function fixed(x, digits) {
  const text = Math.abs(x).toFixed(digits);
  return (x < 0 && Number(text) !== 0 ? MINUS : "") + text;
}

/** The same with a digit more where nothing would be left of it. */
const finer = (x, digits) => fixed(x, Number(x.toFixed(digits)) ? digits : digits + 1);

/** The same with its sign, whichever it is. */
function signed(x, digits = 2) {
  const text = fixed(x, digits);
  return x > 0 && Number(text) !== 0 ? "+" + text : text;
}

const percent = x => `${Math.round(100 * x)} %`;

/** A share of one leaf: small ones with a digit more. */
const share = p => `${(100 * p).toFixed(p > 0.0995 || p < 0.0005 ? 0 : 1)} %`;

/** A number with three digits that count. */
const short = x => fixed(x, Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(Math.abs(x) || 1)))));

/** The letter of a blob, in its colour. */
const letter = k => `<b class="k k${k}">${LETTERS[k]}</b>`;

/** Which block, blob and column number j of a vector of K blobs is about. */
function where(j, K) {
  const block = j < K ? 0 : j < 3 * K ? 1 : 2,
    c = (j - K) % (2 * K);
  return block ? { block, k: c >> 1, d: c % 2 } : { block, k: j, d: 0 };
}

/** The points of a bag, as spots of a stage. */
const spotsOf = X => Array.from({ length: X.length / 2 }, (_, i) => ({ x: X[2 * i], y: X[2 * i + 1] }));

/** Says something to who listens. */
function say(text) {
  document.getElementById("said").textContent = text;
}

/** Sets something in motion once a frame, however many events ask for it. */
function scheduler(draw) {
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
  paint.figures.add(draw);
  return ask;
}
