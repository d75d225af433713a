// Drawing nodes and edges with cytoscape, in the colours of the page, and taking the drawing away.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const PRODUCT = "#2f6fde", VALUE = "#3a9e6e";

function look() {
  return [
    { selector: "node", style: { label: "data(label)", "font-size": 11, color: css("--ink"), "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "ellipsis", "text-max-width": 120, "background-color": VALUE, width: 16, height: 16 } },
    { selector: "node[kind='product']", style: { "background-color": PRODUCT, width: 24, height: 24, "font-weight": 600 } },
    { selector: "node.open", style: { "border-width": 3, "border-color": css("--line") } },
    { selector: "node:selected", style: { "border-width": 4, "border-color": "#e08a3c" } },
    { selector: "edge", style: { label: "data(label)", "font-size": 9, color: css("--soft"), width: 1.4, "line-color": css("--line"), "target-arrow-color": css("--faint"), "target-arrow-shape": "triangle", "arrow-scale": 0.7, "curve-style": "bezier", "text-rotation": "autorotate", "text-background-color": css("--card"), "text-background-opacity": 0.85, "text-background-padding": 1 } },
  ];
}

export function elements(found) {
  return [
    ...found.nodes.map((node) => ({ data: { id: node.key, ...node } })),
    ...found.edges.map((edge) => ({ data: { id: JSON.stringify([edge.source, edge.label, edge.target]), ...edge } })),
  ];
}

export function start(box, found, center) {
  const cy = window.cytoscape({ container: box, elements: elements(found), style: look(), minZoom: 0.15, maxZoom: 3 });
  document.addEventListener("theme", () => cy.style(look()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cy.style(look()));
  const star = { name: "concentric", concentric: (node) => (node.id() === center ? 2 : 1), levelWidth: () => 1, minNodeSpacing: 46, padding: 50 };
  cy.layout(center ? star : { ...spread, randomize: true }).run();
  if (cy.zoom() > 1.3) { cy.zoom(1.3); cy.center(); }
  return cy;
}

const spread = { name: "cose", animate: false, nodeRepulsion: () => 400000, idealEdgeLength: () => 90, nodeOverlap: 30, gravity: 0.4, padding: 40, numIter: 800 };

export function tidy(cy) {
  cy.layout({ ...spread, randomize: false }).run();
  if (cy.zoom() > 1.3) { cy.zoom(1.3); cy.center(); }
}

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const safe = (text) => String(text).replace(/[&<>"']/g, (one) => escapes[one]).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");

export function svg(cy) {
  const box = cy.elements().boundingBox();
  const round = (number) => Math.round(number * 10) / 10;
  const lines = cy.edges().map((edge) => {
    const from = edge.source().position(), to = edge.target().position();
    const x = round((from.x + to.x) / 2), y = round((from.y + to.y) / 2);
    return `<path d="M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}" stroke="#b8c0ca" stroke-width="1.4"/>` +
      `<text x="${x}" y="${y}" font-size="9" fill="#59636f" text-anchor="middle">${safe(edge.data("label"))}</text>`;
  });
  const dots = cy.nodes().map((node) => {
    const { x, y } = node.position(), product = node.data("kind") === "product";
    return `<circle cx="${round(x)}" cy="${round(y)}" r="${product ? 12 : 8}" fill="${product ? PRODUCT : VALUE}"/>` +
      `<text x="${round(x)}" y="${round(y + (product ? 26 : 21))}" font-size="11" fill="#1c2129" text-anchor="middle">${safe(node.data("label"))}</text>`;
  });
  const pad = 40;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${round(box.x1 - pad)} ${round(box.y1 - pad)} ${round(box.w + 2 * pad)} ${round(box.h + 2 * pad)}" font-family="system-ui, sans-serif"><rect x="${round(box.x1 - pad)}" y="${round(box.y1 - pad)}" width="100%" height="100%" fill="#fff"/>${lines.join("")}${dots.join("")}</svg>`;
}

// One file: the library, the nodes as data, and a viewer. Its policy lets nothing in or out.
export async function html(cy, library) {
  const source = await (await fetch(library)).text();
  const kept = cy.elements().map((one) => ({ data: one.data(), position: one.isNode() ? { ...one.position() } : undefined }));
  const data = JSON.stringify(kept).replace(/</g, "\\u003c").replace(/\u2028/g, "\\u2028").replace(/\u2029/g, "\\u2029");
  const style = JSON.stringify(look()).replace(/</g, "\\u003c");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"><title>Graph</title><style>html,body,#graph{height:100%;margin:0;background:${safe(css("--card"))}}</style></head><body><div id="graph"></div><script>${source.replace(/<\/script/gi, "<\\/script")}</script><script>cytoscape({container:document.getElementById("graph"),elements:${data},style:${style},layout:{name:"preset",padding:30}})</script></body></html>`;
}

export function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function exports_(cy) {
  const library = document.querySelector("script[src*='cytoscape']").src;
  for (const button of document.querySelectorAll("[data-export]")) {
    button.addEventListener("click", async () => {
      if (button.dataset.export === "svg") save("graph.svg", "image/svg+xml", svg(cy));
      else save("graph.html", "text/html", await html(cy, library));
    });
  }
}
