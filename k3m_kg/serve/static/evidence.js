// What carried a proposal, drawn where it is: regions on the picture, triples in the table.

const SVG = "http://www.w3.org/2000/svg";

function draw(regions) {
  const canvas = document.getElementById("picture");
  canvas?.querySelector("svg")?.remove();
  if (!canvas || !regions.length) return;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${regions.length} outlined`);
  for (const kind of ["halo", ""]) {
    for (const [x, y, width, height] of regions) {
      const rect = document.createElementNS(SVG, "rect");
      for (const [name, value] of Object.entries({ x, y, width, height })) rect.setAttribute(name, value);
      if (kind) rect.setAttribute("class", kind);
      svg.append(rect);
    }
  }
  canvas.append(svg);
}

function carry(texts) {
  for (const row of document.querySelectorAll("tr[data-triple]")) {
    row.classList.toggle("carries", texts.has(row.dataset.triple));
  }
}

function show(evidence) {
  const regions = evidence.querySelector("[data-regions]");
  draw(regions ? JSON.parse(regions.dataset.regions) : []);
  carry(new Set([...evidence.querySelectorAll("[data-evidence]")].map((one) => one.dataset.evidence)));
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.matches?.(".evidence")) show(event.detail.elt);
});
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details.why")) return;
  if (event.target.open) {
    for (const other of document.querySelectorAll("details.why[open]")) if (other !== event.target) other.open = false;
    show(event.target);
  } else if (!document.querySelector("details.why[open]")) { draw([]); carry(new Set()); }
}, true);
