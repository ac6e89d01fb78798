// Charts: drawn by uPlot (its file is beside this one), loaded when the first is shown.

import { h, words } from "./dom.js";
import { count } from "./words.js";

let uplot = null;
const drawn = new Set();

/**
 * A chart of values a day with its figures as a table beneath. `daily`: [{day, <key>}].
 * `parts`: [{key, label, color}] are stacked on each other; without them one value, `key`.
 */
export function chart({ title, daily, key, parts, asOf, days = 90, bars = true }) {
  if (!daily.length) return words(`${title}: nothing in the last ${days} days.`);
  const shown = parts ?? [{ key, label: title, color: "--chart" }];
  const place = h("div", { class: "chart", role: "img", "aria-label": `${title}, a value a day. The figures are in the table below.` });
  draw(place, shown, stacked(daily, shown, asOf, days, bars), bars);
  return h("figure", {},
    h("figcaption", {}, title, parts ? h("span", { class: "legend" }, parts.map((part) => h("span", { class: `key ${part.key}` }, part.label))) : null),
    place,
    h("details", {}, h("summary", {}, "Figures"),
      h("div", { class: "scroll short", tabindex: "0", role: "region", "aria-label": `${title}: figures` },
        h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Day (UTC)"), shown.map((part) => h("th", { scope: "col", class: "number" }, part.label)))),
          h("tbody", {}, [...daily].reverse().map((row) => h("tr", {}, h("th", { scope: "row" }, row.day), shown.map((part) => h("td", { class: "number" }, count(row[part.key]))))))))));
}

/** Times, and of each part its value on top of those after it. A day without a row is 0 of what is counted, and unknown of what is measured. */
function stacked(daily, parts, asOf, days, bars) {
  const known = new Map(daily.map((row) => [row.day, row]));
  const last = Date.parse(`${asOf}T00:00:00Z`) / 1000;
  const x = Array.from({ length: days }, (_, index) => last - (days - 1 - index) * 86400);
  const of = (at, key) => known.get(new Date(at * 1000).toISOString().slice(0, 10))?.[key] ?? (bars ? 0 : null);
  const series = parts.map((_, index) => x.map((at) =>
    (parts.length === 1 ? of(at, parts[0].key) : parts.slice(index).reduce((sum, part) => sum + of(at, part.key), 0))));
  return [x, ...series];
}

async function draw(place, parts, data, bars) {
  uplot ??= load();
  const UPlot = await uplot;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = () => ({ stroke: color("--fg-muted"), grid: { stroke: color("--border"), width: 1 }, ticks: { stroke: color("--border") } });
  // of what is whole, no half is marked
  const whole = data.slice(1).every((values) => values.every((value) => value === null || Number.isInteger(value)));
  const line = { width: 2, spanGaps: true, points: { show: true, size: 4, fill: color("--chart") } };
  const bar = (part) => ({ fill: color(part.color), paths: UPlot.paths.bars({ size: [0.7] }), points: { show: false } });
  let plot = null;
  const make = () => {
    const width = place.clientWidth;
    if (!width) return;
    plot?.destroy();
    plot = new UPlot({
      width, height: 160, padding: [8, 8, 0, 0], legend: { show: false }, cursor: { show: false }, tzDate: (at) => UPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      // half a day at each end, so that the first and last bars are whole
      scales: { x: { range: (_, low, high) => [low - 43200, high + 43200] }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.05 : 1] } },
      // month and day, in UTC as the days are
      axes: [
        { ...axis(), space: 70, size: 34, values: (_, at) => at.map((each) => new Date(each * 1000).toISOString().slice(5, 10)) },
        { ...axis(), size: 60, ...(whole ? { incrs: WHOLE } : {}), values: (_, at) => at.map(count) },
      ],
      series: [{}, ...parts.map((part) => ({ label: part.label, stroke: color(part.color), ...(bars ? bar(part) : line) }))],
    }, data, place);
  };
  drawn.add({ place, make });
  new ResizeObserver(make).observe(place);
}

// 1, 2, 5, 10 … between two marks
const WHOLE = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

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
