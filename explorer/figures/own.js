/* A visitor's own bags, in the figures of steps 3 to 5. */
"use strict";

/** So many characters take a while. */
const LONG = 100000;
/** The steps that show them. */
const SHOWN = ["shares", "todo", "vector"];
const PLACEHOLDER = "length (cm), width (cm), bag\n11.2, 1.9, River\n8.7, 5.8, River\n4.1, 2.4, Hill";

class OwnFigure {
  constructor(host) {
    this.host = host;
    this.blobs = 3;
    this.state = { own: false };
    host.classList.add("own");
    const label = el(
      `<label class="wide"><b>Two columns of numbers</b><textarea rows="7" spellcheck="false" autocapitalize="off"
      autocomplete="off" aria-describedby="own-told" placeholder="${PLACEHOLDER}"></textarea></label>`,
      host,
    );
    this.text = label.lastChild;
    this.controls(el('<div class="wide row"></div>', host));
    this.told = el('<p class="wide told" id="own-told" role="status"></p>', host);
    this.listen();
  }

  controls(row) {
    button(row, "Show my bags", () => this.show(), "");
    button(row, "Fill in an example", () => this.example());
    const file = el(
      '<label class="act quiet file">Open a file<input type="file" accept=".csv,.tsv,.txt,text/*"></label>',
      row,
    );
    file.lastChild.onchange = event => {
      this.open(event.target.files[0]);
      event.target.value = "";
    };
    const choice = el('<div class="row"></div>', row);
    caption("Blobs", choice);
    tabs(
      choice,
      ["1", "2", "3", "4", "5"],
      "3",
      text => {
        this.blobs = Number(text);
        if (this.state.own) this.show();
      },
      "Number of blobs",
    );
    this.back = button(row, "Back to the leaves", () => this.leave());
    this.back.hidden = true;
  }

  listen() {
    const on = (type, act) => this.host.addEventListener(type, act);
    const over = event => {
      event.preventDefault();
      this.host.classList.toggle("over", event.type === "dragover");
    };
    on("dragover", over);
    on("dragleave", over);
    on("drop", event => {
      over(event);
      const [file] = event.dataTransfer.files;
      if (file) this.open(file);
      else this.take(event.dataTransfer.getData("text"));
    });
    // A whole table that is pasted needs no button.
    this.text.addEventListener("paste", () => !this.text.value && setTimeout(() => this.show()));
  }

  async open(file) {
    if (!file) return;
    if (file.size > MOST_BYTES)
      this.wrong(
        new Wrong(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB. This page takes at most 5 MB; take a sample.`),
      );
    else this.take(await file.text());
  }

  take(text) {
    this.text.value = text;
    this.show();
  }

  example() {
    const rows = ["River", "Hill", "Park"].flatMap(name =>
      spotsOf(data.bags[name]).map(({ x, y }) => `${x.toFixed(2)}, ${y.toFixed(2)}, ${name}`),
    );
    this.take(["length (cm), width (cm), bag", ...rows].join("\n"));
  }

  /** What takes a second or more is announced first. */
  show() {
    if (this.text.value.length < LONG) return this.learn();
    this.told.className = "wide told";
    this.told.textContent = "Reading and learning …";
    requestAnimationFrame(() => setTimeout(() => this.learn()));
  }

  /** Reads what is written, learns its blobs, and shows both; or says what is wrong. */
  learn() {
    try {
      const bags = bagsOf(this.text.value);
      this.enter(worldOf(bags, this.blobs), bags);
    } catch (error) {
      // The library's own errors are of this kind.
      if (!(error instanceof Wrong || error instanceof RangeError)) throw error;
      this.wrong(error);
    }
  }

  wrong(error) {
    this.text.setAttribute("aria-invalid", "true");
    this.told.className = "wide told wrong";
    this.told.textContent = error.message.replace(/\s+/g, " ");
    this.state = { ...this.state, wrong: this.told.textContent };
  }

  enter(world, { names, bags, all }) {
    const count = Object.keys(bags).length,
      rows = (all.length / 2).toLocaleString("en");
    const columns = names.map(escaped).join(" and ");
    const what = `${count === 1 ? "One bag" : `${count} bags`}, ${rows} rows of ${columns}`;
    const blobs = this.blobs === 1 ? "One blob was" : `${this.blobs} blobs were`;
    const alone =
      count > 1
        ? ""
        : ` Since there is one bag alone, it is what is typical, and asks for next to nothing; separate bags by blank
      lines, or name them in a third column.`;
    this.text.removeAttribute("aria-invalid");
    this.told.className = "wide told";
    this.told.innerHTML = `${what}. ${blobs} learned from all of them.${alone} Steps <a href="#shares">3</a>,
      <a href="#todo">4</a> and
      <a href="#vector">5</a> show them now.`;
    SHOWN.forEach(id => {
      explorer.figures[id].show(world);
      this.notice(id, what);
    });
    this.back.hidden = false;
    this.state = { own: true, world, names };
  }

  /** A line above a figure that no longer shows leaves. */
  notice(id, what) {
    document.querySelector(`#${id} .notice`)?.remove();
    const line = el(
      `<p class="notice">Your own: ${what}. <button class="act quiet" type="button">Back to the leaves</button></p>`,
    );
    line.lastChild.onclick = () => {
      this.leave();
      document.getElementById(id).scrollIntoView();
    };
    document.querySelector(`#${id} figure`).before(line);
  }

  leave() {
    document.querySelectorAll(".notice").forEach(line => line.remove());
    SHOWN.forEach(id => explorer.figures[id].show(leaves));
    this.told.className = "wide told";
    this.told.textContent = "Steps 3, 4 and 5 show the leaves again.";
    this.back.hidden = true;
    this.state = { own: false };
  }
}
