/* A visitor's rows become a world: bags, a mixture that is learned of all of them, and words for their columns. */
"use strict";

/** The bags of a text: { names, units, bags: { name: points }, all }. */
function bagsOf(text) {
  const { rows, header } = read(text);
  if (rows.length < LEAST_ROWS) {
    const found = rows.length === 1 ? "One row was" : `${rows.length} rows were`;
    throw new Wrong(`${found} found. Expected at least ${LEAST_ROWS}, so that blobs can be learned from them.`);
  }
  if (rows.length > MOST_ROWS) {
    throw new Wrong(`${rows.length.toLocaleString("en")} rows were found. This page draws each of them at every step, and takes at most
      ${MOST_ROWS.toLocaleString("en")}: take a sample of the rows. The library has no such limit.`);
  }
  const bags = gather(rows), all = data.join(...Object.values(bags)), titles = [0, 1].map(d => titled(header?.[d], d));
  titles.forEach((title, d) => checkSpread(all, d, title.name));
  return { names: titles.map(t => t.name), units: titles.map(t => t.unit), bags, all };
}

/** Rows by the name in the third column, or else by blank lines. */
function gather(rows) {
  const groups = new Map(), named = rows[0].name !== undefined, blocks = rows.at(-1).block > 0;
  for (const { x, y, name, block } of rows) {
    const key = named ? name : blocks ? `Bag ${block + 1}` : "All rows";
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(x, y);
  }
  if (named && groups.size > rows.length / 2) {
    throw new Wrong(`The third column has ${groups.size} different values in ${rows.length} rows. Expected the name of each row’s bag, the same in
      many rows; leave it out if it is a third measurement.`);
  }
  return Object.fromEntries([...groups].map(([name, points]) => [` ${name}`.slice(1), Float64Array.from(points)]));
}

/** "length (cm)" is the name "length" and the unit "cm". */
function titled(text, d) {
  const [, name, unit] = text?.match(/^(.+?)[\s,]*[([]([^)\]]+)[)\]]$/) ?? text?.match(/^([^,]+),\s*(.+)$/) ?? [];
  return { name: name ?? text ?? ["first number", "second number"][d], unit: unit ?? "" };
}

function checkSpread(all, d, name) {
  let low = Infinity, high = -Infinity;
  for (let i = d; i < all.length; i += 2) [low, high] = [Math.min(low, all[i]), Math.max(high, all[i])];
  if (high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high))) return;
  throw new Wrong(`The column “${name}” is ${short(low)} in every row. Expected values that differ, since a blob has a spread.`);
}

/** The world of a visitor's bags, with a mixture of K blobs. */
function worldOf({ names, units, bags, all }, K) {
  const different = new Set(spotsOf(all).map(({ x, y }) => `${x} ${y}`)).size;
  if (different < 2 * K) {
    throw new Wrong(`${different} different rows were found. Expected at least ${2 * K}, two per blob; bring more rows, or choose fewer blobs.`);
  }
  const m = core.learn(all, K), numbers = [...m.w, ...m.mu, ...m.sd];
  if (!numbers.every(Number.isFinite) || m.sd.some(s => s <= 0)) {
    throw new Wrong(`${K} blobs could not be learned from these rows: too few of them differ. Choose fewer blobs.`);
  }
  const unit = d => units[d] && ` ${units[d]}`, spread = [0, 1].map(d => deviation(all, d));
  const halves = spread.map(s => Number((s / 6).toPrecision(1))), axes = names.map((name, d) => name + (units[d] && `, ${units[d]}`));
  const at = (d, x) => short(x) + unit(d);
  return {
    mixture: m, bags, all, own: true, first: Object.keys(bags)[0],
    names: m.w.map((_, k) => `around ${pair(m.mu, k).map((x, d) => escaped(at(d, x))).join(", ")}`),
    view: { box: boxOf(all), axes, shape: 9 / 16 }, cell: halves.map(h => 2 * h),
    near: halves.map((h, d) => escaped(at(d, h))).join(" and "), one: "point", many: "points",
    ruler: d => escaped(names[d]),
    size: (x, y) => [x, y].map((v, d) => `${names[d]} ${at(d, v)}`).join(", "),
    by: (d, by) => `${escaped(at(d, Math.abs(by)))} ${by < 0 ? "lower" : "higher"} in ${escaped(names[d])}`,
  };
}

function deviation(all, d) {
  const n = all.length / 2;
  let mean = 0, square = 0;
  for (let i = d; i < all.length; i += 2) mean += all[i] / n;
  for (let i = d; i < all.length; i += 2) square += (all[i] - mean) ** 2 / n;
  return Math.sqrt(square);
}

/** All points, with room around them. */
function boxOf(all) {
  return [0, 1].flatMap(d => {
    let low = Infinity, high = -Infinity;
    for (let i = d; i < all.length; i += 2) [low, high] = [Math.min(low, all[i]), Math.max(high, all[i])];
    const room = .12 * (high - low);
    // Where nothing is below 0, neither is the frame.
    return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
  });
}
