/* What numbers say, in words. A "world" is what steps 3 to 5 show: the leaves, or bags that a visitor
   brought. */
"use strict";

/** The leaves, and how one speaks of them. */
const leaves = {
  mixture: data.mixture,
  bags: data.bags,
  first: "River",
  names: data.names,
  own: false,
  view: { box: [0, 16, 0, 9], axes: ["length, cm", "width, cm"] },
  one: "leaf",
  many: "leaves",
  ruler: d => ["length", "width"][d],
  size: (x, y) => `${fixed(x, 1)} by ${fixed(y, 1)} centimetres`,
  by: (d, by) => `${finer(Math.abs(by), 1)} cm ${["longer", "shorter", "broader", "narrower"][2 * d + (by < 0)]}`,
  as: d => `as ${["long", "broad"][d]} as is typical`,
  digits: [1, 1],
};

/** The wishes of all blobs; one that owns nothing here has none. */
function wishesOf(s, m) {
  const owns = k => s.s0[k] > 1e-9;
  return core.wishes(s, m).map((wish, k) => (owns(k) ? wish : { w: 0, mu: pair(m.mu, k), sd: pair(m.sd, k) }));
}

/** "Leaf 12 of 80: 9.3 by 6.1 centimetres. A 2 %, B 97 %, C 1 %." */
function tellPoint(world, X, m, i) {
  const [x, y] = pair(X, i),
    { q } = core.posteriors(Float64Array.of(x, y), m),
    n = X.length / 2;
  const shares = [...q].map((p, k) => `${LETTERS[k]} ${percent(p)}`).join(", ");
  const name = world.one[0].toUpperCase() + world.one.slice(1);
  return `${name}${n > 1 ? ` ${i + 1} of ${n}` : ""}: ${world.size(x, y)}. ${shares}.`;
}

/** What number j of the vector says; `html` for letters in colour. */
function inWords(world, j, value, wishes, html = true) {
  const m = world.mixture,
    { block, k, d } = where(j, m.w.length),
    wish = wishes[k];
  const blob = html ? letter(k) : LETTERS[k],
    little = Math.abs(value) < 0.03;
  if (block === 0) {
    const should = little ? "keeps its weight" : value > 0 ? "should gain weight" : "should lose weight";
    return `${blob} ${should}: it owns ${percent(wish.w)} of these ${world.many}, where ${percent(m.w[k])} is typical.`;
  }
  if (wish.w === 0) return `${blob} has no ${world.many} here, so it asks for nothing.`;
  if (block === 1) {
    const by = wish.mu[d] - m.mu[2 * k + d],
      way = d ? (by > 0 ? "up" : "down") : by > 0 ? "right" : "left";
    const should = little ? "stays where it is" : `should move ${way}`;
    const than = Number(by.toFixed(world.digits[d] + 1)) ? `${world.by(d, by)} than typical` : world.as(d);
    return `${blob} ${should}: its ${world.many} here are ${than}.`;
  }
  const should = little ? "keeps its spread" : value > 0 ? "should stretch" : "should shrink";
  const times = fixed(grown(wish, m, k)[d], 2);
  return `${blob} ${should} in ${world.ruler(d)}: its ${world.many} here vary ${times} times as much as is typical.`;
}

/** "Number 7 of 15, move: +0.32. B should move up: ..." */
function tellNumber(world, j, values, wishes) {
  const K = world.mixture.w.length,
    block = BLOCKS[where(j, K).block];
  return `Number ${j + 1} of ${5 * K}, ${block}: ${signed(values[j])}. ${inWords(world, j, values[j], wishes, false)}`;
}

/** The to-do list of a bag. */
function todoList(world, wishes, m) {
  const item = (icon, text, on) =>
    `<li class="${on ? "" : "off"}"><span class="icon" aria-hidden="true">${on ? icon : "•"}</span>
      <span>${text}</span></li>`;
  return wishes
    .map((wish, k) => {
      const gain = wish.w - m.w[k],
        heavier = gains(wish, m, k);
      const weight = `${gain > 0 ? "gain" : "lose"} weight: ${percent(m.w[k])} → ${percent(wish.w)}`;
      const steps = far(wish, m, k),
        along = moves(wish, m, k);
      const [dx, dy] = [0, 1].map(d => wish.mu[d] - m.mu[2 * k + d]);
      const by = [dx, dy]
        .map((v, d) => Math.abs(steps[d]) > 0.1 && world.by(d, v))
        .filter(Boolean)
        .join(", ");
      const turn = (-Math.atan2(dy, dx) * 180) / Math.PI;
      const arrow = `<span class="arrow" style="transform:rotate(${turn.toFixed(0)}deg)">➜</span>`;
      return `<li><span class="k k${k}">${LETTERS[k]}</span><div><span class="name">${world.names[k] ?? ""}</span><ul>
      ${item(gain > 0 ? "▲" : "▼", heavier ? weight : "keep your weight", heavier)}
      ${item(arrow, along ? `move: ${by}` : "stay where you are", along)}
      ${item("⤢", stretchWords(world, wish, m, k), stretches(wish, m, k))}</ul></div></li>`;
    })
    .join("");
}

/** "stretch: × 1.5 both ways" */
function stretchWords(world, wish, m, k) {
  const f = grown(wish, m, k),
    large = [0, 1].filter(d => Math.abs(Math.log(f[d])) > 0.12);
  if (!large.length) return "keep your spread";
  const verb = large.every(d => f[d] < 1) ? "shrink" : "stretch";
  if (large.length === 2 && Math.abs(f[0] - f[1]) < 0.1) return `${verb}: × ${fixed(f[0], 1)} both ways`;
  return `${verb}: ${large.map(d => `× ${fixed(f[d], 1)} in ${world.ruler(d)}`).join(", ")}`;
}

/** The weights of the mixture above, the shares of a bag below, joined: who grows. */
function balance(w, wishes, width) {
  const x = v => (width * v).toFixed(1),
    parts = [],
    labels = [];
  let above = 0,
    below = 0;
  wishes.forEach((wish, k) => {
    const [right, under] = [above + w[k], below + wish.w],
      fill = `fill="var(--${"abcde"[k]}-ink)"`;
    parts.push(`<path d="M${x(above)} 24H${x(right)}L${x(under)} 52H${x(below)}Z" ${fill} opacity=".28"/>`);
    for (const [from, part, y] of [
      [above, w[k], 0],
      [below, wish.w, 52],
    ]) {
      parts.push(`<rect x="${x(from)}" y="${y}" width="${x(part)}" height="24" ${fill}/>`);
      if (part * width < 54) continue;
      labels.push(
        `<text x="${x(from + part / 2)}" y="${y + 17}" text-anchor="middle">${LETTERS[k]} ${percent(part)}</text>`,
      );
    }
    [above, below] = [right, under];
  });
  const shares = wishes.map(wish => percent(wish.w)).join(", ");
  const label = `Weights: typical ${w.map(percent).join(", ")}; of this bag ${shares}`;
  return `<svg class="balance" viewBox="0 0 ${width} 76" role="img" aria-label="${label}">${parts.join("")}
    <g class="labels">${labels.join("")}</g></svg>`;
}
