/* Text with two columns of numbers becomes rows, or a sentence that says where it is wrong and what to do. */
"use strict";

/** The most characters of a text; larger numbers than that would overflow where they are squared. */
const MOST_BYTES = 5e6;
const LARGEST = 1e100;
const POINT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const COMMA = /^[+-]?(\d+,?\d*|,\d+)(e[+-]?\d+)?$/i;
const MISSING = /^[+-]?(nan|na|n\/a|null|none|inf|infinity|∞|-)?$/i;
const EXPECTED = "Expected two numbers, such as 4.2 and 1.7";
const SEPARATED = `${EXPECTED}, separated by a comma, semicolon, tab or space.`;

/** What separates columns, and the ways to read a text: the likeliest first. */
const SEPARATORS = { tab: /\t/, semicolon: /;/, comma: /,/, space: /\s+/ };
const READINGS = Object.keys(SEPARATORS).flatMap(by => [".", ","].map(decimal => ({ by, decimal })));

/** What is wrong with a text: a sentence for people, and the number of the line. */
class Wrong extends Error {
  constructor(message, line = 0) {
    super(line ? `Line ${line}: ${message}` : message);
    this.line = line;
  }
}

/** The lines of a text with their numbers; a "#" may begin the names of the columns, and comments. */
function linesOf(text) {
  const clean = text
    .replace(/^\ufeff/, "")
    .replace(/[\u00a0\u2007\u202f]/g, " ")
    .replace(/[−–]/g, "-");
  const lines = clean.split(/\r\n|\r|\n/).map((line, i) => ({ n: i + 1, text: line.trim() }));
  const first = lines.find(line => line.text);
  if (first) first.text = first.text.replace(/^#\s*/, "");
  return lines.filter(line => !line.text.startsWith("#"));
}

/** The cells of a line. What is in quotes is put aside first, so that a separator there separates nothing. */
function cellsOf(text, by) {
  const kept = [];
  const bare = text.replace(/"([^"]*)"/g, (_, inner) => `\u0001${kept.push(inner) - 1}\u0002`);
  const whole = cell => cell.replace(/\u0001(\d+)\u0002/g, (_, i) => kept[i]).trim();
  return bare.split(SEPARATORS[by]).map(whole);
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
  if (/\d[.,]\d+[.,]/.test(cell)) {
    const told = /,/.test(cell) && /\./.test(cell) ? "a point and a comma" : "more than one decimal sign";
    throw new Wrong(`“${cell.slice(0, 40)}” has ${told}. Write it with one and no other, such as 1234.5.`, line);
  }
  if (!(decimal === "," ? COMMA : POINT).test(cell)) {
    throw new Wrong(`“${cell.slice(0, 40)}” in column ${column} is not a number. ${EXPECTED}.`, line);
  }
  const x = Number(cell.replace(",", "."));
  if (Math.abs(x) <= LARGEST) return x;
  throw new Wrong(`${cell} in column ${column} is too large. Expected numbers up to 1e100.`, line);
}

/** Whether a row has two columns or three, as those before it and the header. */
function checkWidth(cells, before, header, line) {
  const n = cells.length,
    found = `${n} columns were found`;
  if (n === 1) throw new Wrong(`one column was found: “${cells[0].slice(0, 40)}”. ${SEPARATED}`, line);
  if (n > 3) {
    throw new Wrong(`${found}. Expected two numbers, and at most a third column that names the bag.`, line);
  }
  if (before && n !== before) throw new Wrong(`${found}, but ${before} in the lines before.`, line);
  if (header && header.length !== n) {
    const cure = "Give each column one name, and separate names as you separate numbers.";
    throw new Wrong(`${found}, but the header has ${header.length}. ${cure}`, line);
  }
  if (n === 3 && !cells[2]) {
    throw new Wrong("the third column is empty. Expected the name of the row’s bag, or two columns.", line);
  }
}

/** The rows of a text in one reading: numbers, the name in a third column, and the block between blank
    lines. */
function rowsIn(lines, { by, decimal }) {
  const rows = [];
  let [header, first, width, block] = [null, true, 0, 0];
  for (const { n, text } of lines) {
    if (!text) {
      if (rows.at(-1)?.block === block) block++;
      continue;
    }
    const cells = cellsOf(text, by);
    if (first) header = headerOf(cells);
    if (!first || !header) {
      checkWidth(cells, width, header, n);
      width = cells.length;
      const [x, y] = [0, 1].map(d => numberOf(cells[d], d + 1, decimal, n));
      rows.push({ x, y, name: cells[2], block, line: n });
    }
    first = false;
  }
  if (!rows.length) throw new Wrong(`There is a line of names, but no row. ${EXPECTED}, in each line below it.`);
  return { rows, header, by, decimal };
}

/** The one reading of a text that is possible; more than one is an error, and none the error of the
    likeliest. */
function read(text) {
  if (text.length > MOST_BYTES) {
    throw new Wrong(
      `The text has ${(text.length / 1e6).toFixed(1)} MB. This page takes at most 5 MB: take a sample of the rows.`,
    );
  }
  const lines = linesOf(text),
    written = lines.filter(line => line.text);
  if (!written.length) throw new Wrong("The table has no rows yet. Paste two columns of numbers, or fill in the example.");
  const found = [],
    failed = [];
  for (const reading of READINGS.filter(({ by }) => written.some(line => SEPARATORS[by].test(line.text)))) {
    try {
      found.push(rowsIn(lines, reading));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      failed.push(error);
    }
  }
  const [first, ...others] = found;
  if (!first) throw fourCells(written) ?? failed.sort((a, b) => b.line - a.line)[0] ?? oneColumn(written);
  const doubt = otherReading(first, others) ?? decimalCommas(first, written) ?? thousands(first, written);
  if (doubt) throw doubt;
  return first;
}

/** A text without any separator. */
function oneColumn(written) {
  const { n, text } = written.find(line => POINT.test(line.text)) ?? written[0];
  return new Wrong(`one column was found: “${text.slice(0, 40)}”. ${SEPARATED}`, n);
}
