// The neighbourhood of a node, opened node by node; whatever is on the canvas is in the list, too.
import { elements, exports_, start, tidy } from "./draw.js";

const box = document.getElementById("graph");
if (box) run();

async function around(kind, text) {
  const answer = await fetch(`/api/v1/graph?${new URLSearchParams({ kind, text })}`);
  if (!answer.ok) throw new Error((await answer.json()).detail ?? "The server did not answer.");
  return answer.json();
}

async function run() {
  const chosen = document.getElementById("chosen"), counted = document.getElementById("counted");
  const list = document.getElementById("neighbours"), most = Number(box.dataset.most);
  const leftOut = new Map();
  let cy, current;

  function line(label, note, action, page) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dir = "auto";
    button.textContent = label;
    button.addEventListener("click", action);
    item.append(button);
    if (page) {
      const link = document.createElement("a");
      link.href = page; link.textContent = " ↗"; link.setAttribute("aria-label", `Page of ${label}`);
      item.append(link);
    }
    if (note) {
      const small = document.createElement("span");
      small.className = "note"; small.textContent = note;
      item.append(small);
    }
    return item;
  }

  function show(node, focus) {
    current = node;
    cy.elements().unselect();
    node.select();
    chosen.textContent = "";
    if (node.data("page")) {
      const link = document.createElement("a");
      link.href = node.data("page"); link.textContent = node.data("label");
      chosen.append(link);
    } else chosen.textContent = node.data("label");
    const more = leftOut.get(node.id()) ?? 0;
    counted.textContent = `${cy.nodes().length} of at most ${most} nodes shown` + (more ? `; ${more.toLocaleString("en")} more triples of this one are not` : "");
    list.replaceChildren(...node.connectedEdges().map((edge) => {
      const other = edge.source().id() === node.id() ? edge.target() : edge.source();
      return line(other.data("label"), edge.data("label"), () => open(other, true), other.data("page"));
    }));
    if (focus) list.querySelector("button")?.focus();
  }

  async function open(node, focus) {
    if (!node.hasClass("open")) {
      try {
        const found = await around(node.data("kind"), node.data("text"));
        const room = most - cy.nodes().length;
        const fresh = found.nodes.filter((one) => !cy.getElementById(one.key).length).slice(0, Math.max(0, room));
        const known = (key) => cy.getElementById(key).length || fresh.some((one) => one.key === key);
        const edges = found.edges.filter((one) => known(one.source) && known(one.target));
        const { x, y } = node.position();
        const added = cy.add(elements({ nodes: fresh, edges }).filter((one) => !cy.getElementById(one.data.id).length));
        added.nodes().forEach((one, n) => { one.position({ x: x + 80 * Math.cos(n * 2.4), y: y + 80 * Math.sin(n * 2.4) }); });
        leftOut.set(node.id(), found.left_out + found.edges.length - edges.length);
        node.addClass("open");
        if (added.length) tidy(cy);
      } catch (error) { counted.textContent = error.message; return; }
    }
    show(node, focus);
  }

  try {
    const found = await around(box.dataset.kind, box.dataset.text);
    cy = start(box, found, found.center);
    const center = cy.getElementById(found.center);
    leftOut.set(center.id(), found.left_out);
    center.addClass("open");
    cy.on("tap", "node", (event) => open(event.target, false));
    show(center, false);
    exports_(cy);
  } catch (error) { chosen.textContent = error.message; return; }

  document.querySelector("[data-do=fit]").addEventListener("click", () => cy.fit(undefined, 30));
  document.querySelector("[data-do=tidy]").addEventListener("click", () => tidy(cy));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Delete" || cy.nodes().length < 2 || event.target.closest?.("input, textarea")) return;
    const next = current.neighborhood().nodes().first();
    current.remove();
    cy.nodes().removeClass("open");
    show(next.length ? next : cy.nodes().first(), true);
  });
}
