// Charts: drawn by uPlot (its file is beside this one), loaded when the first is shown.

import { h, words } from "./dom.js";
import { count } from "./words.js";

let uplot = null;
const drawn = new Set();

/** A chart of one value a day with its figures as a table beneath. `daily`: [{day, <key>}]. */
export function chart({ title, daily, key, asOf, days = 90, bars = true }) {
  if (!daily.length) return words(`${title}: nothing in the last ${days} days.`);
  const place = h("div", { class: "chart", role: "img", "aria-label": `${title}, a value a day. The figures are in the table below.` });
  draw(place, title, filled(daily, key, asOf, days, bars), bars);
  return h("figure", {},
    h("figcaption", {}, title),
    place,
    h("details", {}, h("summary", {}, "Figures"),
      h("div", { class: "scroll short", tabindex: "0", role: "region", "aria-label": `${title}: figures` },
        h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Day (UTC)"), h("th", { scope: "col", class: "number" }, title))),
          h("tbody", {}, [...daily].reverse().map((row) => h("tr", {}, h("th", { scope: "row" }, row.day), h("td", { class: "number" }, count(row[key])))))))));
}

/** A day without a row is 0 of what is counted, and unknown of what is measured. */
function filled(daily, key, asOf, days, bars) {
  const known = new Map(daily.map((row) => [row.day, row[key]]));
  const last = Date.parse(`${asOf}T00:00:00Z`) / 1000;
  const x = Array.from({ length: days }, (_, index) => last - (days - 1 - index) * 86400);
  return [x, x.map((at) => known.get(new Date(at * 1000).toISOString().slice(0, 10)) ?? (bars ? 0 : null))];
}

async function draw(place, title, data, bars) {
  uplot ??= load();
  const UPlot = await uplot;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = () => ({ stroke: color("--fg-muted"), grid: { stroke: color("--border"), width: 1 }, ticks: { stroke: color("--border") } });
  let plot = null;
  const make = () => {
    const width = place.clientWidth;
    if (!width) return;
    plot?.destroy();
    plot = new UPlot({
      width, height: 160, legend: { show: false }, cursor: { show: false }, tzDate: (at) => UPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      // half a day at each end, so that the first and last bars are whole
      scales: { x: { range: (_, low, high) => [low - 43200, high + 43200] }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.05 : 1] } },
      // month and day, in UTC as the days are
      axes: [{ ...axis(), space: 70, values: (_, at) => at.map((each) => new Date(each * 1000).toISOString().slice(5, 10)) }, { ...axis(), size: 60 }],
      series: [{}, bars
        ? { label: title, stroke: color("--chart"), fill: color("--chart"), paths: UPlot.paths.bars({ size: [0.7] }), points: { show: false } }
        : { label: title, stroke: color("--chart"), width: 2, spanGaps: true, points: { show: true, size: 4, fill: color("--chart") } }],
    }, data, place);
  };
  drawn.add({ place, make });
  new ResizeObserver(make).observe(place);
}

async function load() {
  document.head.append(h("link", { rel: "stylesheet", href: "static/uplot.min.css" }));
  return (await import("./uplot.esm.js")).default;
}

// Colours are painted, not styled: paint again when light and dark change.
new MutationObserver(() => {
  for (const each of drawn) {
    if (each.place.isConnected) each.make();
    else drawn.delete(each);
  }
}).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
