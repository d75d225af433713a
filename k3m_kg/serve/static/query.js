// The editor of queries: completion of names, Ctrl-Enter, and answers as a graph or a table.
import { exports_, start } from "./draw.js";

const area = document.getElementById("query"), offers = document.getElementById("offers");
let names, chosen = 0, shown = [];

async function known() {
  names ??= fetch("/query/names").then((answer) => answer.json()).catch(() => ({ prefixes: [], properties: [], names: [], terms: [] }));
  return names;
}

const before = () => /[\w:%.~-]*$/.exec(area.value.slice(0, area.selectionStart))[0];

async function offer() {
  const word = before().toLowerCase();
  if (word.length < 2) return hide();
  const { prefixes, properties, names: plain, terms } = await known();
  if (before().toLowerCase() !== word) return;
  const byName = properties.filter((one, n) => one.toLowerCase().startsWith(word) || plain[n].toLowerCase().startsWith(word));
  shown = [...new Set([...terms.filter((one) => one.toLowerCase().startsWith(word)), ...prefixes.filter((one) => one.startsWith(word)), ...byName])].filter((one) => one.toLowerCase() !== word).slice(0, 12);
  if (!shown.length) return hide();
  chosen = 0;
  offers.replaceChildren(...shown.map((text, n) => {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.id = `offer-${n}`;
    item.textContent = text;
    item.addEventListener("mousedown", (event) => { event.preventDefault(); chosen = n; take(); });
    return item;
  }));
  offers.hidden = false;
  mark();
}

function mark() {
  [...offers.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === chosen)));
  offers.children[chosen]?.scrollIntoView({ block: "nearest" });
  area.setAttribute("aria-activedescendant", `offer-${chosen}`);
}

function hide() { offers.hidden = true; shown = []; area.removeAttribute("aria-activedescendant"); }

function take() {
  const word = before(), end = area.selectionStart;
  area.setRangeText(shown[chosen], end - word.length, end, "end");
  hide();
  area.focus();
}

area.addEventListener("input", offer);
area.addEventListener("blur", hide);
area.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); area.form.requestSubmit(); return; }
  if (offers.hidden) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : shown.length - 1)) % shown.length;
    mark();
  } else if (event.key === "Tab" || event.key === "Enter") { event.preventDefault(); take(); }
  else if (event.key === "Escape") { event.preventDefault(); hide(); }
});

const box = document.getElementById("graph"), table = document.getElementById("table");
if (box) draw();

function draw() {
  const cy = start(box, JSON.parse(box.dataset.graph));
  cy.on("tap", "node", (event) => { if (event.target.data("page")) location.href = event.target.data("page"); });
  exports_(cy);
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => {
      const graph = button.dataset.view === "graph";
      box.hidden = !graph; table.hidden = graph;
      for (const one of document.querySelectorAll("[data-view]")) one.setAttribute("aria-pressed", String(one === button));
    });
  }
}
