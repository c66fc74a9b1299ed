/* The vector: three named blocks of bars. */
"use strict";

/** One bar; what is laid over it comes and goes. */
class Bar {
  constructor(host, flat) {
    this.node = el(
      flat ? '<div class="bar"></div>' : '<button class="bar" role="option" tabindex="-1"></button>',
      host,
    );
    this.flat = flat;
    this.parts = { value: el('<span class="value"></span>', this.node) };
  }

  /** The element of a part, made or removed as it is wanted. */
  part(name, wanted) {
    if (!wanted) {
      this.parts[name]?.remove();
      delete this.parts[name];
      return null;
    }
    return (this.parts[name] ??= el(`<span class="${name}"></span>`, this.node));
  }

  /** The value, and over it what it was before, a part of it, what was measured. */
  set(value, scale, { before, part, mark, on, label }) {
    const at = x => 50 - 38 * Math.max(-1, Math.min(1, x / scale));
    const span = (node, x) => {
      node.style.top = Math.min(50, at(x)) + "%";
      node.style.height = Math.abs(at(x) - 50) + "%";
    };
    span(this.parts.value, value);
    for (const [name, x] of [
      ["before", before],
      ["part", part],
    ]) {
      const node = this.part(name, x !== undefined);
      if (node) span(node, x);
    }
    const diamond = this.part("mark", mark !== undefined);
    if (diamond) diamond.style.top = at(mark) + "%";
    this.cut(value, Math.abs(value) / scale > 1.02);
    this.node.classList.toggle("on", !!on);
    this.node.dataset.value = value;
    if (this.flat) return;
    this.node.setAttribute("aria-selected", !!on);
    this.node.setAttribute("aria-label", label);
  }

  /** A bar that is longer than there is room for has a gap, and its number. */
  cut(value, wanted) {
    const over = this.part("over", wanted);
    this.node.classList.toggle("cut", wanted);
    this.node.classList.toggle("down", wanted && value < 0);
    if (over) over.textContent = fixed(value, Math.abs(value) < 9.5 ? 1 : 0);
  }
}

/** The frame of the blocks: titles, letters, arrows for the two columns. */
function barGroup(k, block, host) {
  const below = block ? "<span>↔</span><span>↕</span>" : "<span>&nbsp;</span>";
  return el(
    `<div class="group k${k}"><div></div><div class="dim" aria-hidden="true">${below}</div>
    <span class="k" aria-hidden="true">${LETTERS[k]}</span></div>`,
    host,
  ).firstChild;
}

class Bars {
  /** `flat`: a picture, not a list to choose from. `onhover(j, chosen)`, j = -1 for none. */
  constructor(host, options = {}) {
    const { scale = 0.6, height = 150, onhover, flat = false, label = "The Fisher vector", greek = true } = options;
    const { blocks = [0, 1, 2], K = 3 } = options;
    Object.assign(this, { scale, label, K, flat, blocks });
    const columns = blocks.map(b => (b ? "6fr" : flat ? "3.3fr" : "3fr")).join(" ");
    const role = flat ? 'role="img"' : 'role="listbox" aria-orientation="horizontal"';
    this.root = el(
      `<div class="bars ${flat ? "flat" : ""} ${K > 3 ? "many" : ""}" ${role} aria-label="${label}"
      style="--bar-height:${height}px;--columns:${columns}"></div>`,
      host,
    );
    this.bars = [];
    for (const b of blocks) {
      const symbol = greek ? ` <span class="sym">${GREEK[b]}</span>` : "";
      const block = el(
        `<div class="block"><div class="title" ${flat ? "" : 'aria-hidden="true"'}>${BLOCKS[b]}${symbol}</div>
        <div class="groups"></div></div>`,
        this.root,
      );
      for (let k = 0; k < K; k++) {
        const group = barGroup(k, b, block.lastChild);
        for (let d = 0; d < (b ? 2 : 1); d++) this.bars.push(new Bar(group, flat));
      }
    }
    if (!flat) this.listen(onhover);
  }

  listen(onhover) {
    this.bars[0].node.tabIndex = 0;
    const nodes = this.bars.map(bar => bar.node),
      over = event => nodes.indexOf(event.target.closest(".bar"));
    const on = (type, act) => this.root.addEventListener(type, act);
    on("pointerover", event => over(event) >= 0 && event.pointerType !== "touch" && onhover(over(event), false));
    on("pointerleave", event => event.pointerType !== "touch" && onhover(-1, false));
    on("focusin", event => onhover(over(event), true));
    on("click", event => over(event) >= 0 && onhover(over(event), true));
    on("keydown", event => {
      const i = over(event),
        last = nodes.length - 1;
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      nodes[(to + nodes.length) % nodes.length].focus();
    });
    on("focusin", event =>
      nodes.forEach((node, i) => {
        node.tabIndex = i === over(event) ? 0 : -1;
      }),
    );
  }

  /** `before`: outlines; `marks`: diamonds; `part`: notches; `on`: what stands out; `told(j)`: what a
      reader hears. */
  set(values, { before, marks, part, on = [], told } = {}) {
    this.values = values;
    this.root.classList.toggle("hot", on.length > 0);
    this.bars.forEach((bar, j) =>
      bar.set(values[j], this.scale, {
        before: before?.[j],
        mark: marks?.[j],
        part: part?.[j],
        on: on.includes(j),
        label: this.flat ? "" : told(j),
      }),
    );
    if (this.flat) this.root.setAttribute("aria-label", `${this.label}: ${this.told()}`);
  }

  /** All numbers, block by block, in place of the picture. */
  told() {
    const text = block => {
      const size = block ? 2 * this.K : this.K,
        skipped = this.blocks.includes(0) ? 0 : this.K;
      const from = (block ? (2 * block - 1) * this.K : 0) - skipped;
      return `${BLOCKS[block]} ${[...this.values.slice(from, from + size)].map(x => signed(x)).join(", ")}`;
    };
    return this.blocks.map(text).join("; ");
  }
}

/** A small picture of a vector: bars, and the outline of another. */
function miniBars(values, { before, scale = 0.6, K = 3, names = false } = {}) {
  const width = 240,
    height = 74,
    gap = 9,
    middle = height / 2,
    step = (width - 2 * gap) / values.length;
  const rect = (v, j, inset, more) => {
    const high = Math.min(1, Math.abs(v) / scale) * (middle - 2),
      x = j * step + where(j, K).block * gap + step * inset;
    return `<rect x="${x.toFixed(1)}" width="${(step * (1 - 2 * inset)).toFixed(1)}"
      y="${(v > 0 ? middle - high : middle).toFixed(1)}" height="${high.toFixed(1)}" ${more}/>`;
  };
  const bars = [...values].map((v, j) => rect(v, j, 0.16, `fill="var(--${"abcde"[where(j, K).k]})"`));
  const thin = 'vector-effect="non-scaling-stroke"',
    outline = `fill="none" stroke="var(--ink)" stroke-width="1.2" ${thin}`;
  const outlines = before ? [...before].map((v, j) => rect(v, j, 0.06, outline)) : [];
  const zero = `<path d="M0 ${middle}H${width}" stroke="var(--faint)" ${thin}/>`;
  const below = names
    ? `<div class="under sym" aria-hidden="true">${GREEK.map(g => `<span>${g}</span>`).join("")}</div>`
    : "";
  return `<svg class="mini" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true">
    ${zero}${bars.join("")}${outlines.join("")}</svg>${below}`;
}
