/* Text with two columns of numbers becomes bags, or a sentence that says where it is wrong and what to do. */
"use strict";

const MOST_ROWS = 20000, LEAST_ROWS = 10, MOST_BYTES = 5e6;
/** Larger numbers would overflow where they are squared. */
const LARGEST = 1e100;
const POINT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, COMMA = /^[+-]?(\d+,?\d*|,\d+)(e[+-]?\d+)?$/i;
const MISSING = /^[+-]?(nan|na|n\/a|null|none|inf|infinity|∞|-)?$/i;
const THOUSANDS = /^[+-]?\d{1,3}(,\d{3})+$/;
const EXAMPLE = "Expected two numbers, such as 4.2 and 1.7";

/** What is wrong with a text: a sentence for people, and the number of the line. */
class Wrong extends Error {
  constructor(message, line = 0) {
    super(line ? `Line ${line}: ${message}` : message);
    this.line = line;
  }
}

/** The ways to read a text: what separates columns, and the decimal sign. */
const SEPARATORS = { tab: /\t/, semicolon: /;/, comma: /,/, space: /\s+/ };
const READINGS = [
  { by: "tab", decimal: "." }, { by: "tab", decimal: "," }, { by: "semicolon", decimal: "." }, { by: "semicolon", decimal: "," },
  { by: "comma", decimal: "." }, { by: "space", decimal: "." }, { by: "space", decimal: "," },
];

/** The lines of a text with their numbers; null for a blank one, and none for comments after the first line. */
function linesOf(text) {
  const clean = text.replace(/^\ufeff/, "").replace(/[\u00a0\u2007\u202f]/g, " ").replace(/[−–]/g, "-");
  const lines = clean.split(/\r\n|\r|\n/).map((line, i) => ({ n: i + 1, text: line.trim() }));
  const first = lines.find(line => line.text);
  if (first) first.text = first.text.replace(/^#\s*/, "");
  return lines.filter(line => !line.text.startsWith("#"));
}

/** The cells of a line, without quotes around them. */
function cellsOf(text, by) {
  const parts = text.match(/"/) ? quoted(text, SEPARATORS[by]) : text.split(SEPARATORS[by]);
  return parts.map(cell => cell.trim().replace(/^"(.*)"$|^'(.*)'$/, "$1$2"));
}

/** The same where quotes protect separators. */
function quoted(text, separator) {
  const parts = text.split(/("[^"]*")/), kept = parts.map(part => part.startsWith('"') ? part.replaceAll(separator.source === "," ? "," : "\u0000", "\u0001") : part);
  return kept.join("").split(separator).map(cell => cell.replaceAll("\u0001", ","));
}

/** The names of the columns, if the first line has them. */
function headerOf(cells) {
  const isName = cell => cell && !/^[-+\d.,e]+$/i.test(cell) && !MISSING.test(cell);
  return cells.length >= 2 && isName(cells[0]) && isName(cells[1]) ? cells : null;
}

/** One cell as a number. */
function numberOf(cell, column, decimal, line) {
  if (MISSING.test(cell)) {
    const found = cell ? `“${cell}”` : "nothing";
    throw new Wrong(`column ${column} has ${found}. Expected a number; leave the row out, or fill in the value.`, line);
  }
  if (/,/.test(cell) && /\./.test(cell)) {
    throw new Wrong(`“${cell}” has a point and a comma. Write it with one decimal sign and no other, such as 1234.5.`, line);
  }
  if (!(decimal === "," ? COMMA : POINT).test(cell)) {
    throw new Wrong(`“${cell.slice(0, 40)}” in column ${column} is not a number. ${EXAMPLE}.`, line);
  }
  const x = Number(cell.replace(",", "."));
  if (Math.abs(x) > LARGEST) throw new Wrong(`${cell} in column ${column} is too large. Expected numbers up to 1e100.`, line);
  return x;
}

/** The rows of a text in one reading: numbers, and the name in a third column. */
function rowsIn(lines, { by, decimal }) {
  const rows = [];
  let header = null, width = 0, block = 0, begun = false;
  for (const { n, text } of lines) {
    if (!text) {
      block += rows.length && rows.at(-1).block === block ? 1 : 0;
      continue;
    }
    const cells = cellsOf(text, by);
    if (!begun && (header = headerOf(cells))) {
      begun = true;
      continue;
    }
    begun = true;
    checkWidth(cells, width, header, n);
    width = cells.length;
    const [x, y] = [0, 1].map(d => numberOf(cells[d], d + 1, decimal, n));
    if (width === 3 && !cells[2]) throw new Wrong("the third column is empty. Expected the name of the row’s bag.", n);
    rows.push({ x, y, name: cells[2], block, line: n });
  }
  return { rows, header, by, decimal, thousands: decimal === "," && ambiguousThousands(lines, by) };
}

/** Whether all numbers with commas could as well have thousands separators. */
function ambiguousThousands(lines, by) {
  const cells = lines.flatMap(({ text }) => text ? cellsOf(text, by).slice(0, 2) : []).filter(cell => /\d,/.test(cell));
  return cells.length > 0 && cells.every(cell => THOUSANDS.test(cell)) ? cells[0] : "";
}

function checkWidth(cells, before, header, line) {
  const n = cells.length;
  if (n === 1) throw new Wrong(`one column was found: “${cells[0].slice(0, 40)}”. ${EXAMPLE}, separated by a comma, semicolon, tab or space.`, line);
  if (n > 3) throw new Wrong(`${n} columns were found. Expected two numbers, and at most a third column that names the bag.`, line);
  if (before && n !== before) throw new Wrong(`${n} columns were found, but ${before} in the lines before.`, line);
  if (header && header.length !== n) {
    throw new Wrong(`${n} columns were found, but the header has ${header.length}. Give each column one name, in the same way separated.`, line);
  }
}

/** Whether two readings give the same numbers and names. */
function agree(a, b) {
  return a.rows.length === b.rows.length &&
    a.rows.every((row, i) => row.x === b.rows[i].x && row.y === b.rows[i].y && row.name === b.rows[i].name);
}

/** The one reading of a text that is possible; more than one is an error, and none the error of the likeliest. */
function read(text) {
  if (text.length > MOST_BYTES) throw new Wrong(`The text has ${(text.length / 1e6).toFixed(0)} MB. This page takes at most 5 MB; take a sample of the rows.`);
  const lines = linesOf(text), written = lines.filter(line => line.text);
  if (!written.length) throw new Wrong(`There is no row yet. Paste two columns of numbers, or fill in the example.`);
  const found = [], failed = [];
  for (const reading of READINGS) {
    if (!SEPARATORS[reading.by].test(written.at(-1).text)) continue;
    try {
      found.push(rowsIn(lines, reading));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      failed.push(error);
    }
  }
  const [first, ...others] = found;
  if (!first) throw failed.sort((a, b) => b.line - a.line)[0] ?? singleColumn(written);
  const other = others.find(reading => !agree(first, reading));
  if (other) throw twoReadings(first, other);
  checkCommas(first, written);
  if (first.thousands) {
    const [one, whole] = [first.thousands.replace(",", "."), first.thousands.replaceAll(",", "")];
    throw new Wrong(`“${first.thousands}” can be ${one} or ${whole}. Write one of these, without the comma.`, first.rows[0].line);
  }
  return first;
}

function singleColumn(written) {
  const { n, text } = written.find(line => POINT.test(line.text) || COMMA.test(line.text)) ?? written[0];
  return new Wrong(`one column was found: “${text.slice(0, 40)}”. ${EXAMPLE}, separated by a comma, semicolon, tab or space.`, n);
}

/** Commas between digits can separate columns, or be decimal signs: a header or one decimal point tells. */
function checkCommas({ by, header, rows }, written) {
  if (by !== "comma" || header) return;
  const bare = line => /^[+-]?\d+(,\d+)+$/.test(line.text) || /^[+-]?\d{1,3}(\.\d{3})+,\d+$/.test(line.text);
  if (!written.every(bare)) return;
  const { text, n } = written[0], cells = text.split(",");
  const one = cells.length === 2 ? `one number, ${text.replaceAll(".", "").replace(",", ".")}` : `${cells[0]}.${cells[1]} and ${cells[2]}, or ${cells[0]} and ${cells[1]}.${cells[2]}`;
  const many = cells.length === 2 ? `two numbers, ${cells[0]} and ${cells[1]}` : `${cells[0]} and ${cells[1]} of bag ${cells[2]}`;
  throw new Wrong(`“${text}” can be ${many}; or, with a decimal comma, ${one}. Begin with a line that names the columns, ` +
    `such as length,width; or separate the columns by a semicolon or tab.`, n);
}

function twoReadings(a, b) {
  const told = ({ by, decimal, rows: [{ x, y }] }) => `${x} and ${y} (separated by a ${by}, with a decimal ${decimal === "," ? "comma" : "point"})`;
  return new Wrong(`this line can be ${told(a)}, or ${told(b)}. Separate the columns by a tab or a semicolon, and write decimal points.`, a.rows[0].line);
}
