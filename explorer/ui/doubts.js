/* A text that can be read in two ways is not read: each function returns what is in doubt, with both
   readings. */
"use strict";

const HEADER =
  "Begin with a line that names the columns, such as length,width; or separate the columns by a semicolon or tab.";
const SAFE = "Separate the columns by a tab or a semicolon, and write decimal points.";

/** Another reading gives other numbers. */
function otherReading(first, others) {
  const same = (a, b) => a.x === b.x && a.y === b.y && a.name === b.name;
  const agree = other =>
    first.rows.length === other.rows.length && first.rows.every((row, i) => same(row, other.rows[i]));
  const other = others.find(reading => !agree(reading));
  if (!other) return null;
  const told = ({ by, decimal, rows: [{ x, y }] }) =>
    `${x} and ${y} (separated by a ${by}, with a decimal ${decimal === "," ? "comma" : "point"})`;
  return new Wrong(`this line can be ${told(first)}, or ${told(other)}. ${SAFE}`, first.rows[0].line);
}

/** Commas between whole numbers may be decimal signs; names above them, or a single decimal point, would
    tell. */
function decimalCommas({ by, header }, written) {
  if (by !== "comma" || header) return null;
  const bare = ({ text }) => /^[+-]?\d+(,\d+)+$/.test(text) || /^[+-]?\d{1,3}(\.\d{3})+,\d+$/.test(text);
  if (!written.every(bare)) return null;
  const { text, n } = written[0],
    [a, b, c] = text.split(",");
  const [many, one] =
    c === undefined
      ? [`two numbers, ${a} and ${b}`, `one number, ${a.replaceAll(".", "")}.${b}`]
      : [`${a} and ${b} of bag ${c}`, `${a}.${b} and ${c}, or ${a} and ${b}.${c}`];
  return new Wrong(`“${text}” can be ${many}; or, with a decimal comma, ${one}. ${HEADER}`, n);
}

/** The same of four: two numbers, if the second and the fourth are decimals. */
function fourCells(written) {
  const line = written.find(({ text }) => /^[+-]?\d+(,\d+){3}$/.test(text));
  if (!line) return null;
  const [a, b, c, d] = line.text.split(","),
    two = `two with a decimal comma, ${a}.${b} and ${c}.${d}`;
  return new Wrong(`“${line.text}” can be four numbers; or ${two}. ${SAFE}`, line.n);
}

/** A comma before three digits may be a decimal sign, or separate thousands. */
function thousands({ by, decimal, rows }, written) {
  if (decimal !== ",") return null;
  const cells = written.flatMap(({ text }) => cellsOf(text, by).slice(0, 2)).filter(cell => /\d,/.test(cell));
  if (!cells.length || !cells.every(cell => /^[+-]?\d{1,3}(,\d{3})+$/.test(cell))) return null;
  const [cell] = cells,
    [one, whole] = [cell.replace(",", "."), cell.replaceAll(",", "")];
  return new Wrong(`“${cell}” can be ${one} or ${whole}. Write one of these, without the comma.`, rows[0].line);
}
