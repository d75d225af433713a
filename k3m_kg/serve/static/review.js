// Deciding: the next items lie ready, a key decides and moves on, what was decided is sent in order.

const desk = document.querySelector("[data-desk]");
const bulk = document.querySelector("[data-bulk]");
const empty = document.querySelector("[data-empty]");
const problem = document.querySelector("[data-problem]");
const saving = document.querySelector("[data-saving]");
const dialog = document.querySelector("[data-dialog]");
const field = dialog.querySelector("input");
const list = dialog.querySelector("ul");
const mark = document.documentElement.dataset.mark;
const query = location.search;
const blind = new URLSearchParams(query).get("blind") === "true";
const AHEAD = 4;

let waiting = [];          // articles, the one that is shown first
let unsent = [];           // what was decided and is not acknowledged yet
let sending = false;
let fetching = null;
let exhausted = false;
let done = 0;

const current = () => waiting[0];
const idOf = (article) => article.dataset.item;

async function send(path, fields) {
  const body = new URLSearchParams(fields);
  const answer = await fetch(path, { method: "POST", body, headers: { "X-CSRF-Token": mark } });
  if (answer.ok) return answer;
  const text = await answer.text();
  const page = new DOMParser().parseFromString(text, "text/html");
  const said = page.querySelector(".lead")?.textContent ?? `The server answered ${answer.status}.`;
  throw Object.assign(new Error(said.trim()), { status: answer.status });
}

function tell(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

function articlesIn(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  return [...page.querySelectorAll("article")].map((found) => document.importNode(found, true));
}

function show() {
  for (const [place, article] of waiting.entries()) {
    article.hidden = place > 0;
    if (article.parentNode !== desk) desk.append(article);
  }
  if (current()) {
    empty.hidden = true;
    desk.hidden = false;
    if (!dialog.open && bulk.hidden) current().focus({ preventScroll: true });
  } else if (exhausted && !fetching) {
    desk.hidden = true;
    empty.hidden = false;
  }
  for (const button of document.querySelectorAll(".keys button:not([data-undo])")) {
    button.disabled = !current();
  }
}

function more() {
  if (fetching || exhausted || waiting.length >= AHEAD) return fetching;
  const fields = [["count", AHEAD - waiting.length]];
  for (const item of [...waiting.map(idOf), ...unsent.flatMap((one) => one.items)]) fields.push(["having", item]);
  fetching = send(`/review/next${query}`, fields)
    .then(async (answer) => {
      const known = new Set(waiting.map(idOf));
      const fresh = articlesIn(await answer.text()).filter((one) => !known.has(idOf(one)));
      exhausted = fresh.length === 0;
      waiting.push(...fresh);
    })
    .catch((error) => { exhausted = true; tell(error.message); })
    .finally(() => {
      fetching = null;
      for (const note of desk.querySelectorAll(":scope > p")) note.remove();
      show();
      if (!exhausted) more();
    });
  return fetching;
}

async function flush() {
  saving.textContent = `, ${unsent.length} not saved yet`;
  if (sending) return;
  sending = true;
  while (unsent.length) {
    saving.textContent = `, ${unsent.length} not saved yet`;
    const { items, answer, value } = unsent[0];
    const fields = [["answer", answer], ...items.map((item) => ["item", item])];
    if (value !== undefined) fields.push(["value", value]);
    if (blind) fields.push(["blind", "1"]);
    try {
      await send("/review/decide", fields);
      unsent.shift();
    } catch (error) {
      if (error.status && error.status !== 503) {   // refused: it would be again
        unsent.shift();
        count(-items.length);
        tell(`Not saved: ${error.message}`);
      } else {                                       // nobody answered: the same again is harmless
        tell("The server does not answer. What you decided is kept here and sent again.");
        await new Promise((go) => setTimeout(go, 2000));
        continue;
      }
    }
  }
  saving.textContent = "";
  sending = false;
}

function count(by) {
  done += by;
  document.querySelector("[data-done]").textContent = String(done);
  const left = document.querySelector("[data-left]");
  left.dataset.left = Math.max(0, Number(left.dataset.left) - by);
  left.textContent = Number(left.dataset.left).toLocaleString("en");
}

function decide(answer, value) {
  const article = current();
  if (!article) return;
  tell("");
  decideAll([idOf(article)], answer, value);
}

function decideAll(items, answer, value) {
  for (const article of waiting.filter((one) => items.includes(idOf(one)))) article.remove();
  waiting = waiting.filter((one) => !items.includes(idOf(one)));
  unsent.push({ items, answer, value });
  count(items.length);
  show();
  flush();
  more();
}

async function undo() {
  tell("");
  while (unsent.length) await new Promise((go) => setTimeout(go, 20));
  try {
    const back = articlesIn(await (await send(`/review/undo${query}`, [])).text());
    const known = new Set(back.map(idOf));
    waiting = [...back, ...waiting.filter((one) => !known.has(idOf(one)))];
    desk.replaceChildren();
    count(-back.length);
    if (!back.length) tell("Taken back. Another reviewer has it by now.");
    exhausted = false;
    show();
  } catch (error) { tell(error.message); }
}

// The right value: what the property takes already, or a new one.

let asking = 0;

function correct() {
  if (!current()) return;
  dialog.querySelector("[data-asked]").textContent = current().dataset.property;
  field.value = "";
  list.replaceChildren();
  dialog.showModal();
  field.focus();
  suggest();
}

async function suggest() {
  const number = ++asking;
  const wanted = new URLSearchParams({ property: current().dataset.property, text: field.value.trim() });
  const answer = await fetch(`/review/values?${wanted}`).catch(() => null);
  if (!answer?.ok || number !== asking) return;
  const found = await answer.json();
  list.replaceChildren(...found.map(({ value, products }, place) => {
    const line = document.createElement("li");
    line.role = "option";
    line.id = `value-${place}`;
    line.dataset.value = value;
    line.setAttribute("aria-selected", "false");
    const name = document.createElement("b"), often = document.createElement("span");
    name.textContent = value;
    often.textContent = products;
    line.append(name, often);
    return line;
  }));
  field.setAttribute("aria-expanded", String(found.length > 0));
  field.removeAttribute("aria-activedescendant");
}

function pick(step) {
  const lines = [...list.children];
  if (!lines.length) return;
  const at = lines.findIndex((line) => line.getAttribute("aria-selected") === "true");
  const next = (at + step + lines.length + (at < 0 && step < 0 ? 1 : 0)) % lines.length;
  for (const [place, line] of lines.entries()) line.setAttribute("aria-selected", String(place === next));
  field.setAttribute("aria-activedescendant", lines[next].id);
  lines[next].scrollIntoView({ block: "nearest" });
}

function take(value) {
  const chosen = value ?? list.querySelector("[aria-selected=true]")?.dataset.value ?? field.value.trim();
  if (!chosen) return;
  dialog.close();
  if (chosen === current().dataset.value) decide("accept");
  else decide("correct", chosen);
}

field.addEventListener("input", suggest);
field.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); pick(event.key === "ArrowDown" ? 1 : -1); }
  if (event.key === "Enter") { event.preventDefault(); take(); }
});
list.addEventListener("click", (event) => {
  const line = event.target.closest("li");
  if (line) take(line.dataset.value);
});
dialog.addEventListener("close", () => current()?.focus({ preventScroll: true }));
dialog.querySelector("[data-take]").addEventListener("click", () => take());
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

// What carried a proposal that came without its reasons: the model is asked.

async function why() {
  const article = current();
  const room = article?.querySelector("[data-why]");
  if (!room || !room.hidden) return;
  room.hidden = false;
  const note = document.createElement("p");
  note.className = "note";
  note.textContent = "The model is being asked, with each part of the product left out in turn…";
  room.replaceChildren(note);
  const { product, property, value, stated } = article.dataset;
  const wanted = new URLSearchParams({ id: product, name: property, value });
  if (stated) wanted.set("known", "1");
  const answer = await fetch(`/product/why?${wanted}`).catch(() => null);
  if (!answer?.ok) {
    note.textContent = "The model cannot be asked now.";
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  room.replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
}

// Equal cases, all at once.

async function equal() {
  if (!current()) return;
  const wanted = new URLSearchParams(query);
  wanted.set("item", idOf(current()));
  const answer = await fetch(`/review/equal?${wanted}`).catch(() => null);
  if (!answer?.ok) return tell("The equal ones cannot be fetched.");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  bulk.replaceChildren(document.importNode(page.querySelector("section"), true));
  bulk.hidden = false;
  desk.hidden = true;
  (bulk.querySelector("input") ?? bulk).focus();
}

function closeBulk() {
  bulk.hidden = true;
  bulk.replaceChildren();
  desk.hidden = false;
  show();
}

function decideBulk(answer) {
  const items = [...bulk.querySelectorAll("input:checked")].map((box) => box.value);
  closeBulk();
  if (items.length) decideAll(items, answer);
}

// Keys and buttons.

function act(key) {
  if (!bulk.hidden) {
    if (key === "a") decideBulk("accept");
    else if (key === "r") decideBulk("reject");
    else if (key === "Escape" || key === "e") closeBulk();
    else return false;
    return true;
  }
  if (key === "a") decide("accept");
  else if (key === "r") decide("reject");
  else if (key === "s") decide("skip");
  else if (key === "c") correct();
  else if (key === "w") why();
  else if (key === "e") equal();
  else if (key === "u" || key === "Backspace") undo();
  else if (/^[1-9]$/.test(key)) {
    const other = current()?.querySelectorAll("[data-other]")[Number(key) - 1];
    if (!other) return false;
    decide("correct", other.dataset.other);
  } else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, dialog");
  if (typing || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (act(event.key.length === 1 ? event.key.toLowerCase() : event.key)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.answer && !bulk.hidden) decideBulk(button.dataset.answer);
  else if (button.dataset.answer) decide(button.dataset.answer);
  else if (button.dataset.other) decide("correct", button.dataset.other);
  else if ("correct" in button.dataset) correct();
  else if ("explain" in button.dataset) why();
  else if ("equal" in button.dataset) bulk.hidden ? equal() : closeBulk();
  else if ("undo" in button.dataset) undo();
  else if ("more" in button.dataset) { exhausted = false; empty.hidden = true; more(); }
});

window.addEventListener("beforeunload", (event) => { if (unsent.length) event.preventDefault(); });
window.addEventListener("pagehide", () => {
  if (!waiting.length) return;
  const body = new URLSearchParams([["csrf", mark], ...waiting.map((one) => ["item", idOf(one)])]);
  fetch("/review/release", { method: "POST", body, keepalive: true, headers: { "X-CSRF-Token": mark } }).catch(() => {});
});

show();
more();
