// What page_checks.py asks a page, in its own window. Most functions return what is wrong, one sentence each.

const TOUCHED = "a[href], button, input:not([type=hidden]), select, textarea, summary, iframe, audio[controls], video[controls], " +
  "[tabindex], [contenteditable=''], [contenteditable=true], [onclick], " +
  ["button", "link", "checkbox", "radio", "slider", "tab", "option", "switch", "textbox"].map(role => `[role=${role}]`).join(", ");
const UNSEEN = "script, style, title, desc, noscript, template, option";
const VERBATIM = "code, pre, kbd, samp, textarea";

const all = selector => [...document.querySelectorAll(selector)];
const short = text => text.trim().replace(/\s+/g, " ").slice(0, 40);
const style = (element, pseudo) => getComputedStyle(element, pseudo);
const visible = element => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
const openAll = () => all("details").forEach(details => { details.open = true; });

function name(element) {
  const id = element.id ? `#${element.id}` : "";
  const kind = element.getAttribute("class") ? "." + element.getAttribute("class").trim().split(/\s+/).join(".") : "";
  const text = short(element.getAttribute("aria-label") || element.textContent || "");
  return `<${element.localName}${id}${kind}>` + (text ? ` "${text}"` : "");
}

// The ancestors of an element, it included, up to the root.
function* upwards(element) {
  for (let at = element; at; at = at.parentElement) yield at;
}

const repeated = values => [...new Set(values.filter((value, i) => values.indexOf(value) !== i))];

// ---- the document ------------------------------------------------------------------------------------

function structure() {
  const wrong = [];
  const must = (holds, text) => { if (!holds) wrong.push(text); };
  must(document.compatMode === "CSS1Compat", "quirks mode: the page does not begin with <!doctype html>");
  must(document.characterSet === "UTF-8", `the characters are read as ${document.characterSet}`);
  must(document.documentElement.lang, "<html> has no lang");
  must(document.title.trim(), "the title is empty");
  must(document.querySelector("meta[name=viewport]")?.content.includes("width=device-width"), "no viewport for phones");
  must(!/user-scalable=no|maximum-scale/.test(document.querySelector("meta[name=viewport]")?.content), "zoom is forbidden");
  must(all("main").length === 1, `${all("main").length} <main> instead of one`);
  repeated(all("[id]").map(element => element.id)).forEach(id => wrong.push(`the id "${id}" is not unique`));
  for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for", "href"]) {
    for (const element of all(`[${attribute}]`)) {
      const value = element.getAttribute(attribute);
      if (attribute === "href" && (!value.startsWith("#") || value === "#")) continue;
      for (const id of value.replace(/^#/, "").split(/\s+/)) {
        must(document.getElementById(decodeURIComponent(id)), `${name(element)}: ${attribute} names "${id}", which is nowhere`);
      }
    }
  }
  return [...wrong, ...headings(), ...pictures(), ...tables(), ...outside()];
}

function headings() {
  const found = all("h1, h2, h3, h4, h5, h6");
  const wrong = found.filter(heading => !heading.textContent.trim()).map(heading => `${name(heading)} is empty`);
  const ones = found.filter(heading => heading.localName === "h1").length;
  if (ones !== 1) wrong.push(`${ones} <h1> instead of one`);
  found.reduce((level, heading) => {
    const own = Number(heading.localName[1]);
    if (own > level + 1) wrong.push(`${name(heading)} follows a heading of level ${level}`);
    return own;
  }, 0);
  return wrong;
}

// Whatever is drawn has a text in its place, or says that it needs none.
function pictures() {
  const hidden = element => element.closest("[aria-hidden=true]");
  const named = element => element.getAttribute("aria-label")?.trim() ||
    (element.getAttribute("aria-labelledby") || "").split(/\s+/).some(id => document.getElementById(id)?.textContent.trim());
  const within = element => [...upwards(element)].some(at => at.matches("[role=img]") && named(at));
  const wrong = all("img:not([alt])").filter(image => !hidden(image) && !within(image)).map(image => `${name(image)} has no alt`);
  const drawn = all("svg, canvas").filter(element => !element.parentElement.closest("svg"));
  for (const element of drawn) {
    const title = element.querySelector(":scope > title")?.textContent.trim();
    const told = within(element) || (element.getAttribute("role") === "img" && title) || named(element);
    if (!hidden(element) && !told) wrong.push(`${name(element)} has neither a name nor aria-hidden`);
  }
  for (const element of all("body *")) {
    const drawn = style(element).backgroundImage.includes("url(") && !element.textContent.trim() && !element.querySelector("img, svg");
    if (drawn && !hidden(element) && !within(element)) wrong.push(`${name(element)} shows a picture without role="img" and a name`);
  }
  return wrong;
}

function tables() {
  const data = all("table:not([role=presentation])").filter(table => !table.closest("[aria-hidden=true]"));
  return data.filter(table => !table.querySelector("th")).map(table => `${name(table)} has no header cell`);
}

// A page is one file: what it loads is in it. A link that a reader follows may lead elsewhere.
function outside() {
  const loads = [["src", "[src]"], ["srcset", "[srcset]"], ["poster", "[poster]"], ["data", "object"], ["href", "link, use, image"], ["xlink:href", "use, image"]];
  return loads.flatMap(([attribute, selector]) => all(selector)
    .filter(element => element.hasAttribute(attribute) && !/^(data:|blob:|#)/.test(element.getAttribute(attribute)))
    .map(element => `${name(element)} loads ${short(element.getAttribute(attribute))}`));
}

// ---- the layout --------------------------------------------------------------------------------------

const scrolls = element => /auto|scroll/.test(style(element).overflowX + style(element).overflowY);
const overflows = element => element.clientWidth > 0 && (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1);
const cuts = element => /hidden|clip/.test(style(element).overflowX + style(element).overflowY);
// Text for screen readers alone is a box of a pixel or so.
const tiny = element => element.clientWidth < 4 || element.clientHeight < 4;

function layout(width) {
  const page = document.scrollingElement, wrong = [];
  if (innerWidth !== width) wrong.push(`the window is ${innerWidth} wide instead of ${width}`);
  if (page.scrollWidth > width) {
    const over = all("body *").filter(element => element.getBoundingClientRect().right > width + 1 && !element.closest("svg *"));
    const held = element => [...upwards(element.parentElement)].some(at => at !== document.body && at !== page && (scrolls(at) || cuts(at)));
    const last = over.filter(element => !held(element)).find(element => !over.some(other => other !== element && element.contains(other)));
    wrong.push(`the page scrolls sideways: ${page.scrollWidth} of ${width}` + (last ? `, for ${name(last)}` : ""));
  }
  for (const element of all("body *").filter(element => visible(element) && overflows(element) && !tiny(element))) {
    if (scrolls(element) && element.tabIndex < 0 && !element.querySelector(TOUCHED)) {
      wrong.push(`${name(element)} scrolls, but not by keyboard: it has no tabindex`);
    } else if (cuts(element) && !scrolls(element) && element.textContent.trim() && !element.closest("svg")) {
      wrong.push(`${name(element)} is cut off`);
    }
  }
  return wrong;
}

// On paper nothing scrolls.
function printed(width) {
  const page = document.scrollingElement;
  const wrong = all("body *").filter(element => visible(element) && overflows(element) && !tiny(element) && (scrolls(element) || cuts(element)))
    .filter(element => !element.closest("svg")).map(element => `${name(element)} is cut off`);
  if (page.scrollWidth > width) wrong.push(`the page is ${page.scrollWidth} wide instead of ${width}`);
  return [...wrong, ...unprinted()];
}

// Browsers print no backgrounds, unless a page says that one is needed; a bar, a sample of a colour, a mask are nothing else.
function unprinted() {
  const drawn = element => style(element).maskImage !== "none" ||
    (!element.textContent.trim() && !element.children.length && element.namespaceURI.endsWith("xhtml") && !element.matches("img, canvas, input, hr, iframe"));
  const painted = element => rgba(style(element).backgroundColor)[3] > 0 || style(element).backgroundImage !== "none";
  return all("body *").filter(element => visible(element) && drawn(element) && painted(element) && style(element).printColorAdjust !== "exact")
    .map(element => `${name(element)} is not printed: it needs print-color-adjust: exact`);
}

// What a finger has to hit is 24 pixels high and wide, or nothing else is within 24 pixels of its middle (WCAG 2.5.8); a link
// in running text may be smaller.
function targets() {
  const inText = element => element.matches("p *, li *, td *, figcaption *") && style(element).display === "inline" &&
    short(element.parentElement.textContent) !== short(element.textContent);
  const boxes = touched().map(element => [element, (element.labels?.[0] ?? element).getBoundingClientRect()]);
  const small = box => Math.min(box.width, box.height) < 23.5;
  const middle = box => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const near = (box, other) => {
    const [x, y] = middle(box), [u, v] = middle(other);
    if (small(other)) return Math.hypot(x - u, y - v) < 23.5;
    return Math.hypot(Math.max(other.left - x, x - other.right, 0), Math.max(other.top - y, y - other.bottom, 0)) < 11.75;
  };
  const alone = (element, box) => boxes.every(([other, its]) => other.contains(element) || element.contains(other) || !near(box, its));
  return boxes.filter(([element, box]) => small(box) && !inText(element) && !alone(element, box))
    .map(([element, box]) => `${name(element)} is ${Math.round(box.width)} by ${Math.round(box.height)} pixels, too small for a finger`);
}

function motion() {
  const long = (value) => value.split(",").some(part => parseFloat(part) > 0.011);
  return all("*").filter(element => {
    const own = style(element);
    return (own.animationName !== "none" && long(own.animationDuration)) || long(own.transitionDuration) || own.scrollBehavior === "smooth";
  }).map(element => `${name(element)} moves, though less motion is wished for`);
}

// ---- what is written ---------------------------------------------------------------------------------

function* written() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.data.trim() && !node.parentElement.closest(UNSEEN)) yield node;
  }
}

// The numbers of a text, with what follows: "−1,234.5 %" is [-1234.5, 1 digit, percent].
function numbers(text) {
  return [...text.matchAll(/([-−+]?)(\d[\d,]*)(?:\.(\d+))?\s*(%?)/g)].map(([, sign, whole, part = "", percent]) => ({
    value: (/[-−]/.test(sign) ? -1 : 1) * Number(`${whole.replaceAll(",", "")}.${part}`), digits: part.length, percent,
  }));
}

function words() {
  const wrong = [], told = [];
  for (const node of written()) if (!node.parentElement.closest(VERBATIM)) told.push(node.data);
  for (const attribute of ["alt", "aria-label", "title", "aria-valuetext"]) all(`[${attribute}]`).forEach(element => told.push(element.getAttribute(attribute)));
  all("svg title, svg desc").forEach(element => told.push(element.textContent));
  for (const text of told) {
    const say = (pattern, what) => { const at = text.search(pattern); if (at >= 0) wrong.push(`${what} in "${short(text.slice(Math.max(0, at - 10)))}"`); };
    say(/(?<!\w)[-−]0(?:\.0+)?(?![\d.]*\d)/, "minus zero");
    say(/\bNaN\b|\bInfinity\b|\bundefined\b|\[object /, "what is not a number");
    say(/(?:^|[\s(=])-(?=\.?\d)/, "a hyphen for a minus sign");
  }
  for (const element of all("[data-value]")) {
    const carried = Number(element.dataset.value), shown = numbers(element.textContent);
    if (element.dataset.value.trim() === "" || !Number.isFinite(carried)) wrong.push(`${name(element)} carries "${element.dataset.value}"`);
    if (shown.length !== 1) continue;
    const [{ value, digits, percent }] = shown;
    const scales = percent ? [1, 100] : [1];
    const under = /^under /.test(element.textContent.trim());
    const near = under ? value > carried * scales.at(-1) : scales.some(scale => Math.abs(value - carried * scale) <= 0.5000001 * 10 ** -digits);
    if (!near) wrong.push(`${name(element)} shows ${value} and carries ${carried}`);
  }
  return wrong;
}

// ---- colours -----------------------------------------------------------------------------------------

const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}

// The part of a box that no ancestor cuts off, as [left, top, right, bottom].
function seen(box, element) {
  let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
  for (const at of upwards(element)) {
    if (at === document.documentElement || at === document.body || (!scrolls(at) && !cuts(at))) continue;
    const edge = at.getBoundingClientRect();
    [left, top, right, bottom] = [Math.max(left, edge.left), Math.max(top, edge.top), Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
  }
  return [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY];
}

// Each line of visible text: where it is, its colour, whether it is large, its size in pixels of the screen.
function texts() {
  const lines = [];
  for (const node of written()) {
    const element = node.parentElement, own = style(element);
    if (!visible(element)) continue;
    const svg = element.closest("text");
    const fill = svg ? own.fill : own.webkitTextFillColor;
    if (fill === "none" || fill.startsWith("url")) continue;
    const [r, g, b, a] = rgba(fill);
    const opacity = [...upwards(element)].reduce((product, at) => product * Number(style(at).opacity), svg ? a * Number(own.fillOpacity) : a);
    const matrix = svg ? svg.getScreenCTM() : { a: 1, b: 0 };
    const size = parseFloat(own.fontSize) * Math.hypot(matrix.a, matrix.b);
    const large = size >= 24 || (size >= 18.66 && Number(own.fontWeight) >= 700);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const [left, top, right, bottom] = seen(box, element);
      if (right - left > 2 && bottom - top > 2) lines.push({ element, box: [left, top, right, bottom], colour: [r, g, b], opacity, large, size, drawn: svg !== null, name: name(element) });
    }
  }
  return lines;
}

// Texts whose middle something else lies upon. The window has to be as high as the page.
function covered() {
  return texts().flatMap(({ element, box: [left, top, right, bottom], name }) => {
    const upon = document.elementFromPoint((left + right) / 2 - scrollX, (top + bottom) / 2 - scrollY);
    const own = !upon || upon.contains(element) || element.contains(upon) || style(element).pointerEvents === "none";
    return own ? [] : [`${name} is covered`];
  });
}

// The page without its letters, and nothing that moves on the way there.
function bare() {
  const sheet = document.createElement("style");
  sheet.textContent = `*, *::before, *::after { -webkit-text-fill-color: transparent !important; text-decoration-color: transparent !important;
    text-shadow: none !important; transition: none !important; animation: none !important } text, tspan { fill: transparent !important; stroke: transparent !important }`;
  document.head.append(sheet);
}

// ---- the keyboard ------------------------------------------------------------------------------------

const touched = () => all(TOUCHED).filter(element => visible(element) && !element.disabled && !element.closest("[inert]"));

// Tab stops once at a group of radio buttons, a list or a row of tabs; arrows go on from there.
function group(element) {
  if (element.matches("input[type=radio]")) return all("input[type=radio]").filter(other => other.name === element.name && other.form === element.form);
  const widget = element.closest("[role=listbox], [role=radiogroup], [role=tablist], [role=grid], [role=toolbar], [role=tree], [role=menu]");
  return widget ? [widget, ...widget.querySelectorAll(TOUCHED)] : [element];
}

const stops = new Set();
let stop = null;

// Where Tab has led: nowhere (null), to the same element once more (stays), to one where it was before (again).
function atFocus() {
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return null;
  const [stays, again] = [element === stop, stops.has(element)];
  stops.add(stop = element);
  const box = element.getBoundingClientRect();
  return { name: name(element), stays, again, box: [box.left + scrollX, box.top + scrollY, box.width, box.height] };
}

function unreached() {
  return touched().filter(element => !group(element).some(other => stops.has(other))).map(element => `${name(element)} is not reached by Tab`);
}

const canFocus = element => element.tabIndex >= 0 || element.querySelector(TOUCHED) !== null || group(element).length > 1;

const lines = () => texts().map(({ element, ...line }) => line);

return { structure, layout, printed, targets, motion, words, lines, covered, bare, openAll, atFocus, unreached, canFocus, name };
