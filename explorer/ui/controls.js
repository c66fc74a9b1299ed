/* Buttons of which one is pressed, and sliders. */
"use strict";

/** A row of buttons; `pick(name)` when another is chosen. Returns a function that presses one. */
function tabs(host, options, start, pick, label) {
  const buttons = options.map(name => `<button class="tab" type="button">${escaped(name)}</button>`).join("");
  const box = el(`<div class="tabs" role="group" aria-label="${label}">${buttons}</div>`, host);
  const press = name => [...box.children].forEach((b, i) => b.setAttribute("aria-pressed", options[i] === name));
  box.addEventListener("click", event => {
    const i = [...box.children].indexOf(event.target.closest("button"));
    if (i < 0) return;
    press(options[i]);
    pick(options[i]);
  });
  press(start);
  return { box, press };
}

/** The same for bags: more than six are a list to choose from. */
function bagTabs(host, options, start, pick) {
  if (options.length <= 6) return tabs(host, options, start, pick, "Bag");
  const list = options.map(name => `<option>${escaped(name)}</option>`).join("");
  const box = el(`<label class="pick">Bag <select>${list}</select></label>`, host);
  box.lastChild.selectedIndex = options.indexOf(start);
  box.lastChild.onchange = event => pick(options[event.target.selectedIndex]);
  return { box };
}

/** A button that does something. */
function button(host, text, act, style = "quiet") {
  const node = el(`<button class="act ${style}" type="button">${text}</button>`, host);
  node.onclick = act;
  return node;
}
