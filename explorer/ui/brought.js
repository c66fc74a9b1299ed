/* A visitor's rows become a world: bags, a mixture that is learned of all of them, and words for their
   columns. */
"use strict";

const MOST_ROWS = 20000,
  LEAST_ROWS = 10;
/** Values that differ by less than this part of themselves are the same. */
const SAME_VALUE = 1e-9;

/** The bags of a text: { names, units, bags: { name: points }, all }. */
function bagsOf(text) {
  const { rows, header } = read(text),
    count = rows.length.toLocaleString("en"),
    most = MOST_ROWS.toLocaleString("en");
  if (rows.length < LEAST_ROWS) {
    const found = rows.length === 1 ? "One row was" : `${count} rows were`;
    throw new Wrong(`${found} found. Expected at least ${LEAST_ROWS}, so that blobs can be learned from them.`);
  }
  if (rows.length > MOST_ROWS) {
    throw new Wrong(`${count} rows were found. This page draws each of them at every step, and takes at most ${most}:
      take a sample of the rows. The library has no such limit.`);
  }
  const bags = gather(rows),
    all = data.join(...Object.values(bags)),
    titles = [0, 1].map(d => titled(header?.[d], d));
  titles.forEach((title, d) => checkSpread(all, d, title.name));
  return { names: titles.map(t => t.name), units: titles.map(t => t.unit), bags, all };
}

/** Rows by the name in the third column, or else by blank lines. */
function gather(rows) {
  const groups = new Map(),
    named = rows[0].name !== undefined,
    blocks = rows.at(-1).block > 0;
  for (const { x, y, name, block } of rows) {
    const key = named ? name : blocks ? `Bag ${block + 1}` : "All rows";
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(x, y);
  }
  if (named && groups.size > rows.length / 2) {
    throw new Wrong(`The third column has ${groups.size} different values in ${rows.length} rows. Expected the name of
      each row’s bag, the same in many rows; leave the column out if it is a third measurement.`);
  }
  return Object.fromEntries([...groups].map(([name, points]) => [name, Float64Array.from(points)]));
}

/** "length (cm)" is the name "length" and the unit "cm". */
function titled(text, d) {
  const [, name, unit] = text?.match(/^(.+?)[\s,]*[([]([^)\]]+)[)\]]$/) ?? text?.match(/^([^,]+),\s*(.+)$/) ?? [];
  return { name: name ?? text ?? ["first number", "second number"][d], unit: unit ?? "" };
}

/** The least and the greatest value of a column. */
function range(all, d) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = d; i < all.length; i += 2) [low, high] = [Math.min(low, all[i]), Math.max(high, all[i])];
  return [low, high];
}

function checkSpread(all, d, name) {
  const [low, high] = range(all, d);
  if (high - low > SAME_VALUE * Math.max(Math.abs(low), Math.abs(high))) return;
  const expected = "Expected values that differ, since a blob has a spread.";
  throw new Wrong(`The column “${name}” is ${short(low)} in every row. ${expected}`);
}

/** The standard deviation of a column. */
function deviation(all, d) {
  const column = all.filter((_, i) => i % 2 === d),
    mean = column.reduce((sum, x) => sum + x / column.length, 0);
  return Math.sqrt(column.reduce((sum, x) => sum + (x - mean) ** 2 / column.length, 0));
}

/** The mixture of K blobs that the library learns of all rows. */
function learned(all, K) {
  const different = new Set(spotsOf(all).map(({ x, y }) => `${x} ${y}`)).size;
  if (different < 2 * K) {
    throw new Wrong(`${different} different rows were found. Expected at least ${2 * K}, two per blob; bring more rows,
      or choose fewer blobs.`);
  }
  const m = core.learn(all, K);
  if ([...m.w, ...m.mu, ...m.sd].every(Number.isFinite) && m.sd.every(s => s > 0)) return m;
  throw new Wrong(`${K} blobs could not be learned from these rows: too few of them differ. Choose fewer blobs.`);
}

/** The world of a visitor's bags, with a mixture of K blobs. */
function worldOf({ names, units, bags, all }, K) {
  const mixture = learned(all, K),
    unit = d => units[d] && ` ${units[d]}`,
    spread = [0, 1].map(d => deviation(all, d));
  // Two digits of the spread, so that 172.4 cm and 0.0613 mm are both told as they were measured.
  const digits = spread.map(s => Math.max(0, Math.min(20, 1 - Math.floor(Math.log10(s)))));
  // Neither zeros without end before the digits nor after them.
  const plain = d => spread[d] > 1e-6 && spread[d] < 1e6;
  const told = (d, x) => (plain(d) ? finer(x, digits[d]) : x.toExponential(1).replaceAll("-", MINUS));
  const at = (d, x) => told(d, x) + unit(d),
    name = d => escaped(names[d]);
  const halves = spread.map(s => Number((s / 6).toPrecision(1)));
  return {
    mixture,
    bags,
    all,
    digits,
    own: true,
    one: "point",
    many: "points",
    first: Object.keys(bags)[0],
    names: mixture.w.map(
      (_, k) =>
        `around ${pair(mixture.mu, k)
          .map((x, d) => escaped(at(d, x)))
          .join(", ")}`,
    ),
    view: { box: boxOf(all), axes: names.map((text, d) => text + (units[d] && `, ${units[d]}`)), shape: 9 / 16 },
    cell: halves.map(h => 2 * h),
    near: halves.map((h, d) => escaped(h + unit(d))).join(" and "),
    ruler: name,
    size: (x, y) => [x, y].map((v, d) => `${names[d]} ${at(d, v)}`).join(", "),
    by: (d, by) => `${escaped(at(d, Math.abs(by)))} ${by < 0 ? "lower" : "higher"} in ${name(d)}`,
    as: d => `as high in ${name(d)} as is typical`,
  };
}

/** All points, with room around them; where nothing is below 0, neither is the frame. */
function boxOf(all) {
  return [0, 1].flatMap(d => {
    const [low, high] = range(all, d),
      room = 0.12 * (high - low);
    return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
  });
}
