// Building what is shown. Text only ever becomes text nodes: nothing that came from outside is
// parsed as markup, here or anywhere (a test looks for the ways around this).

import { isOpen, setOpen } from "./address.js";

/** An element; `props` are attributes, `on…` listeners; children are nodes, text, or left out when null. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const by = (id) => document.getElementById(id);

/** A name that came from outside: its direction must not turn the text around it. */
export const name = (text) => h("bdi", {}, text ?? "");

/** Replace what `target` shows, if `data` differs from what it was made of: an open detail and the focus stay. */
export function show(target, data, draw) {
  const fingerprint = JSON.stringify(data);
  if (target.dataset.shows === fingerprint) return;
  const focused = target.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  target.dataset.shows = fingerprint;
  target.replaceChildren(...[draw(data)].flat(Infinity).filter(Boolean));
  if (focused) target.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Words instead of figures: nothing yet, or what is wrong and what to do. */
export const words = (text, kind = "") => h("p", { class: kind ? `notice ${kind}` : "quiet" }, text);

/** A table that scrolls by itself on a narrow window. `columns`: [{title, number, cell(row)}]. */
export function table({ caption, columns, rows, foot, rowHeader = 0 }) {
  const cell = (column, index, row) =>
    index === rowHeader
      ? h("th", { scope: "row" }, column.cell(row))
      : h("td", { class: classes(column, row) }, column.cell(row));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", { class: "said" }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) =>
        h("th", { scope: "col", class: column.number ? "number" : null }, column.title)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((column, index) => cell(column, index, row))))),
      foot ? h("tfoot", {}, h("tr", {}, columns.map((column, index) => cell(column, index, foot)))) : null,
    ));
}

function classes(column, row) {
  if (!column.number) return column.wide ? "wide" : column.date ? "date" : null;
  const value = column.value?.(row);
  return ["number", value === 0 ? "zero" : "", column.strong ? "strong" : ""].filter(Boolean).join(" ");
}

/** A button that opens what is behind its number, filled when it is opened: in a table's cell a row under its own, among figures a part under all of them. What is open is in the address. */
export function opener(text, { key, label, kind = "", fill }) {
  const button = h("button", { type: "button", class: `link ${kind}`, "aria-expanded": "false", "data-key": key, "data-opens": key, "aria-label": label }, text);
  let opened = null;
  const close = () => {
    button.setAttribute("aria-expanded", "false");
    opened?.remove();
    opened = null;
  };
  const open = async () => {
    const around = button.closest("tr, dl");
    button.setAttribute("aria-expanded", "true");
    const isRow = around.tagName === "TR";
    const cell = isRow ? h("td", { colspan: around.cells.length }, words("Loading…")) : h("div", { class: "opened" }, words("Loading…"));
    opened = isRow ? h("tr", { class: "inner" }, cell) : cell;
    around.after(opened);
    try {
      cell.replaceChildren(...[await fill(cell)].flat(Infinity).filter(Boolean));
    } catch (problem) {
      cell.replaceChildren(words(problem.message, "bad"));
    }
  };
  button.addEventListener("close", close);
  button.addEventListener("address", () => {
    if (isOpen(key) !== Boolean(opened)) (opened ? close : open)();
  });
  button.addEventListener("click", () => {
    // a row of numbers opens one at a time
    const other = opened ? null : button.closest("tr, dl").querySelector('button[aria-expanded="true"]');
    other?.dispatchEvent(new Event("close"));
    setOpen(key, !opened, other?.dataset.opens);
    (opened ? close : open)();
  });
  return openLater(button);
}

/** What opens under a line of words, filled when it is opened. What is open is in the address. */
export function expander(title, { key, fill }) {
  const place = h("div", {});
  const details = h("details", { "data-key": key, "data-opens": key }, h("summary", {}, title), place);
  details.addEventListener("address", () => { details.open = isOpen(key); });
  details.addEventListener("toggle", async () => {
    setOpen(key, details.open);
    if (!details.open) return;
    place.replaceChildren(words("Loading…"));
    try {
      place.replaceChildren(...[await fill(place)].flat(Infinity).filter(Boolean));
    } catch (problem) {
      place.replaceChildren(words(problem.message, "bad"));
    }
  });
  return openLater(details);
}

/** Opens what the address says is open, once it is in the page. */
function openLater(element) {
  if (isOpen(element.dataset.opens)) setTimeout(() => element.isConnected && element.dispatchEvent(new Event("address")));
  return element;
}

/** Opens and closes everything as the address says now. */
export function followAddress() {
  for (const each of document.querySelectorAll("[data-opens]")) each.dispatchEvent(new Event("address"));
}

/** An id whose story can be asked: pressed, it opens the section Why. */
export const whyLink = (id, text = id, label = null) =>
  h("button", {
    type: "button", class: "link why", title: "Why: tell its story", "aria-label": label,
    onclick: () => document.dispatchEvent(new CustomEvent("why", { detail: id })),
  }, name(text));

/** The list behind a number: rows asked for fifty at a time. `ask(offset)` → {rows, total, problem}. */
export async function listed({ ask, columns, caption, none, rowHeader, after }, cell, offset = 0) {
  const found = await ask(offset);
  if (found.problem) return words(found.problem, "bad");
  if (!found.rows.length) return words(none);
  const turn = async (to) => {
    try {
      cell.replaceChildren(...[await listed({ ask, columns, caption, none, rowHeader, after }, cell, to)].flat(Infinity).filter(Boolean));
    } catch (problem) {
      cell.replaceChildren(words(problem.message, "bad"));
    }
  };
  return [
    table({ caption, columns: columns(found), rows: found.rows, rowHeader }),
    after?.(found),
    pager({ offset, shown: found.rows.length, total: found.total ?? 0, turn }),
  ];
}

/** Fifty rows at a time: where we are, and the buttons to go on; null when all are shown. */
export function pager({ offset, shown, total, turn }) {
  if (total <= shown) return null;
  const button = (to, text) => h("button", { type: "button", onclick: () => turn(to) }, text);
  const count = (number) => number.toLocaleString("en");
  return h("p", { class: "row" }, `${count(offset + 1)}–${count(offset + shown)} of ${count(total)}`,
    offset ? button(Math.max(0, offset - 50), "Before") : null, offset + shown < total ? button(offset + shown, "Next") : null);
}

/** A link to another page of Airflow. In the frame it must be the frame's parent that goes there. */
export function airflowLink(path, text) {
  const href = new URL(`../${path}`, document.baseURI).href;
  return h("a", {
    href,
    onclick: (event) => {
      if (window.parent === window) return;
      event.preventDefault();
      const anchor = window.parent.document.createElement("a");
      anchor.href = href;
      window.parent.document.body.append(anchor);
      anchor.click();
      anchor.remove();
    },
  }, text);
}

/** A link to somewhere else, in a tab of its own. Airflow's frame opens none, so its page does. */
export const outLink = (href, text) => h("a", {
  href, target: "_blank", rel: "noopener noreferrer",
  onclick: (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const anchor = Object.assign(window.parent.document.createElement("a"), { href, target: "_blank", rel: "noopener noreferrer" });
    window.parent.document.body.append(anchor);
    anchor.click();
    anchor.remove();
  },
}, text);

/** A link to a file of ours that is kept. Airflow's frame keeps none, so its page does. */
export const fileLink = (path, file, text) => h("a", {
  href: path, download: file,
  onclick: (event) => {
    if (window.parent === window) return;
    event.preventDefault();
    const anchor = Object.assign(window.parent.document.createElement("a"), { href: new URL(path, document.baseURI).href, download: file });
    window.parent.document.body.append(anchor);
    anchor.click();
    anchor.remove();
  },
}, text);

/** The object of a row: its story, and its record in Planhat's app where that is known. */
export const object = (row) => [whyLink(row.object_id), inPlanhat(row)];

/** The record of a row in Planhat's app; null where it is not known. */
export const inPlanhat = (row) => (row.planhat_url ? [" ", outLink(row.planhat_url, "in Planhat")] : null);

/** A button that first says what it does, and does it on the second press (the frame allows no dialogs). */
export function twoStep(text, { key, label, warning, yes, act }) {
  const place = h("span", { class: "two-step" });
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const first = h("button", { type: "button", "data-key": key, "aria-label": label, onclick: () => ask() }, text);
  const ask = () => {
    const sure = h("button", { type: "button", class: "danger", onclick: () => attempt(act, problem) }, yes);
    place.replaceChildren(h("span", { role: "group", "aria-label": label ?? text }, h("p", {}, warning), h("span", { class: "row" }, sure, h("button", { type: "button", onclick: cancel }, "Cancel"))), problem);
    sure.focus();
  };
  const cancel = () => {
    place.replaceChildren(first);
    first.focus();
  };
  place.append(first);
  return place;
}

/** Do something that may fail, and say so where `problem` is. */
export async function attempt(act, problem) {
  problem.hidden = true;
  try {
    await act();
  } catch (trouble) {
    problem.textContent = trouble.message;
    problem.hidden = false;
  }
}
