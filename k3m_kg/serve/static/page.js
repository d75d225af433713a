// What every page does: light or dark, the key for searching, and times in the reader's own zone.

const root = document.documentElement;

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* for this page only */ }
    document.dispatchEvent(new CustomEvent("theme"));
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("input[type=search]");
  if (field) { event.preventDefault(); field.focus(); field.select(); }
});

function localTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.valueOf())) continue;
    time.dataset.local = "";
    time.title = time.dateTime;
    time.textContent = when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}
localTimes(document);
document.addEventListener("htmx:load", (event) => localTimes(event.detail.elt));

// A form that asks first: the browser's own dialog, which no page can imitate.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// A form that is sent when one of its fields changes.
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-send]")) event.target.form?.requestSubmit();
});

// Filters are open where there is room for them.
const wide = matchMedia("(min-width: 861px)");
function openWide() {
  for (const details of document.querySelectorAll("details[data-wide-open]")) details.open = wide.matches;
}
openWide();
wide.addEventListener("change", openWide);
