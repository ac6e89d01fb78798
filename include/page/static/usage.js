// Usage: the whole base, a company found by its name, an enduser.

import { put, section, value } from "./address.js";
import { ask } from "./api.js";
import { chart } from "./charts.js";
import { attempt, by, h, inPlanhat, name, opener, pager, show, table, whyLink, words } from "./dom.js";
import { drawSwitch } from "./switches.js";
import { ago, change, count, time } from "./words.js";

const TRENDS = { up: "Growing", flat: "Steady", down: "Shrinking", stopped: "Stopped", new: "New", none: "No usage yet" };
const KINDS = { up: "good", new: "good", down: "warn", stopped: "bad" };
const ALERTS = { drop: "Drop", spike: "Spike", stopped: "Stopped" };
// How types of objects are called, in the order in which they are offered.
const TYPES = { company: "Companies", asset: "Assets", project: "Projects", enduser: "Endusers" };
const PARTS = [
  ["trend_part", "Trend", "30 days against the 30 before"],
  ["breadth_part", "Breadth", "share of endusers active in 30 days"],
  ["recency_part", "Recency", "days since the last activity"],
  ["metric_part", "Metrics", "change of the declared metrics"],
];

let wish = { search: value("search") ?? "", trend: value("trend") ?? "", offset: 0 };
let asked = 0;
let alertsOf = { object_type: "company", offset: 0 };
let alertsAsked = 0;
let again = () => {};
let opened = null;

export function startUsage(refresh) {
  again = refresh;
  by("company-search").value = wish.search;
  by("company-form").addEventListener("submit", (event) => {
    event.preventDefault();
    list({ search: by("company-search").value, offset: 0 });
  });
  let pause;
  by("company-search").addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => list({ search: by("company-search").value, offset: 0 }), 250);
  });
}

/** The company and the list that the address names. */
export function followUsage() {
  by("company-search").value = value("search") ?? "";
  list({ search: value("search") ?? "", trend: value("trend") ?? "", offset: 0 });
  for (const each of document.querySelectorAll("[data-key^=trend-]")) each.setAttribute("aria-pressed", String(each.dataset.key === `trend-${wish.trend}`));
  if (value("company")) openCompany(value("company"));
  else if (opened) closeCompany();
}

export function drawUsage(usage) {
  show(by("usage-base"), usage, drawBase);
  by("usage-companies").hidden = Boolean(usage.problem);
  if (usage.problem) return;
  list({});
  listAlerts({});
  if (value("company")) openCompany(value("company"));
}

function drawBase(usage) {
  if (usage.problem) return [h("h2", {}, "Usage"), words(usage.problem, "warn")];
  return [
    h("div", { class: "row between" }, h("h2", {}, "Usage of the whole base"), h("span", { class: "quiet" }, usage.as_of ? `As of ${usage.as_of}, the last full day (UTC)` : "")),
    soFar(usage.so_far),
    chart({ title: "Activities a day", daily: usage.daily, key: "activities", asOf: usage.as_of }),
    alertButtons(usage.alerts),
    usage.switches?.enduser_alerts ? h("dl", { class: "figures" }, drawSwitch("enduser_alerts", usage.switches.enduser_alerts, usage.may.edit, again)) : null,
    trendButtons(usage.trends),
  ];
}

/** The day that still runs: shown apart, and compared with nothing. */
function soFar(day) {
  return day?.day ? h("p", {}, `${day.day}, so far: `, h("strong", {}, count(day.activities)), day.activities === 1 ? " activity" : " activities") : null;
}

// Alerts

function alertButtons(open) {
  const types = [...Object.keys(TYPES).filter((type) => open[type]), ...Object.keys(open).filter((type) => !(type in TYPES)).sort()];
  if (!types.length) return [h("h3", {}, "Open alerts"), words("No alert is open.")];
  if (!open[alertsOf.object_type]) alertsOf = { object_type: types[0], offset: 0 };
  alertsOf.total = open[alertsOf.object_type];
  return [
    h("h3", {}, "Open alerts"),
    h("div", { class: "row", role: "group", "aria-label": "Show open alerts of one kind of object" }, types.map((type) => h("button", {
      type: "button", "data-key": `alerts-${type}`, "aria-pressed": String(type === alertsOf.object_type),
      onclick: (event) => {
        for (const each of event.currentTarget.parentElement.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
        listAlerts({ object_type: type, offset: 0, total: open[type] });
      },
    }, `${TYPES[type] ?? type} `, h("strong", {}, count(open[type]))))),
    h("div", { id: "alert-list", "aria-live": "polite" }, words("Loading…")),
  ];
}

async function listAlerts(change) {
  alertsOf = { ...alertsOf, ...change };
  const target = by("alert-list");
  if (!target) return;
  const number = ++alertsAsked;
  const { object_type, offset, total } = alertsOf;
  try {
    const found = await ask(`alerts?${new URLSearchParams({ object_type, offset })}`);
    if (number === alertsAsked) show(target, { ...found, offset, total }, drawAlerts);
  } catch (problem) {
    if (number === alertsAsked) show(target, problem.message, (message) => words(message, "bad"));
  }
}

function drawAlerts({ rows, problem, may, with_persons, offset, total }) {
  if (problem) return words(problem, "warn");
  if (!rows.length) return words("None of these is open any more.");
  return [
    alertTable(rows, may, true),
    with_persons || rows[0].object_type !== "enduser" ? null : h("p", { class: "quiet" }, "Names of endusers are shown to those who may edit the push DAG."),
    pager({ offset, shown: rows.length, total, turn: (to) => listAlerts({ offset: to }) }),
  ];
}

function trendButtons(trends) {
  const of = new Map(trends.map((row) => [row.trend, row.companies]));
  const button = (trend, text, number) => h("button", {
    type: "button", "data-key": `trend-${trend}`, "aria-pressed": String(wish.trend === trend),
    onclick: (event) => {
      for (const each of event.currentTarget.parentElement.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
      list({ trend, offset: 0 });
    },
  }, `${text} `, h("strong", {}, count(number)));
  return [
    h("h3", {}, "Companies by trend"),
    h("div", { class: "row", role: "group", "aria-label": "Show companies of one trend" },
      button("", "All", trends.reduce((sum, row) => sum + row.companies, 0)),
      Object.entries(TRENDS).filter(([trend]) => of.has(trend)).map(([trend, text]) => button(trend, text, of.get(trend)))),
  ];
}

/** Open alerts of any object; or those of a company, past ones too (`isOpenList` false). */
function alertTable(alerts, may, isOpenList) {
  const isOfCompanies = alerts[0].object_type === "company";
  return table({
    caption: "Alerts: the last week judged against the eight before, or no activity for 30 days",
    columns: [
      ...(isOpenList && !isOfCompanies ? [{ title: "Object", cell: (row) => whyLink(row.object_id, row.name ?? row.object_id) }] : []),
      ...(isOpenList ? [{ title: "Company", cell: (row) => (row.company_id ? companyButton(row.company_id, row.company) : "–") }] : []),
      { title: "Alert", cell: (row) => h("span", { class: `badge ${row.kind === "spike" ? "" : "warn"}` }, ALERTS[row.kind] ?? row.kind) },
      { title: "Opened", date: true, cell: (row) => row.opened_on },
      ...(isOpenList ? [] : [{ title: "Closed", date: true, cell: (row) => (row.closed_reason === "corrected" ? `corrected ${row.closed_on}` : row.closed_on ?? "open") }]),
      { title: "Activities", number: true, cell: (row) => count(row.activities) },
      { title: "Expected", number: true, cell: (row) => count(row.expected) },
      { title: "Noticed", cell: (row) => noticed(row, may?.push) },
    ],
    rows: alerts,
  });
}

/** Who took notice and when; for who may, the button that does. An alert is shown until then, or until it closes. */
function noticed(alert, mayAcknowledge) {
  if (alert.acknowledged_at) return [name(alert.acknowledged_by), ", ", time(alert.acknowledged_at)];
  if (alert.closed_on || !mayAcknowledge) return alert.closed_on ? "–" : "not yet";
  const { object_type, object_id, kind, opened_on } = alert;
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const of = `${ALERTS[kind] ?? kind} of ${alert.name || object_id}`;
  return [
    h("button", {
      type: "button", "data-key": `notice-${object_id}-${kind}-${opened_on}`, "aria-label": `Acknowledge: ${of}`,
      onclick: () => attempt(async () => {
        await ask("alerts/acknowledge", { method: "POST", body: { object_type, object_id, kind, opened_on } });
        await again();
      }, problem),
    }, "Acknowledge"),
    problem,
  ];
}

const companyButton = (id, text) => h("button", { type: "button", class: "link", "data-key": `company-${id}`, onclick: () => { put({ company: id }); openCompany(id, true); } }, name(text || id));

/** A number of a company in the list, which opens that company. */
const companyNumber = (row, text, of) => h("button", {
  type: "button", class: "link figure", "aria-label": `${row.name || row.company_id}: ${text} ${of}, open it`,
  onclick: () => { put({ company: row.company_id }); openCompany(row.company_id, true); },
}, text);

// Companies

async function list(change) {
  wish = { ...wish, ...change };
  if (section() === "usage") put({ search: wish.search, trend: wish.trend }, { replace: true });
  const number = ++asked;
  const target = by("company-list");
  try {
    const found = await ask(`companies?${new URLSearchParams(wish)}`);
    if (number === asked) show(target, { ...found, wish }, drawList);
  } catch (problem) {
    if (number === asked) show(target, problem.message, (message) => words(message, "bad"));
  }
}

function drawList({ total, rows, problem }) {
  if (problem) return words(problem, "warn");
  if (!rows.length) return words(wish.search || wish.trend ? "No company fits." : "No company has been read from Planhat yet. `make planhat DIR=…` reads a folder of exports.");
  return [
    table({
      caption: "Companies, the most active first",
      columns: [
        { title: "Company", cell: (row) => companyButton(row.company_id, row.name) },
        { title: "Trend", cell: (row) => trendBadge(row.trend) },
        { title: "Health", number: true, cell: (row) => score(row.score) },
        { title: "Activities, 30 days", number: true, value: (row) => row.activities_30d, cell: (row) => companyNumber(row, count(row.activities_30d), "activities in 30 days") },
        { title: "Change", number: true, cell: (row) => change(row.change_30d) },
        { title: "Active endusers, 30 days", number: true, cell: (row) => companyNumber(row, `${count(row.active_endusers_30d)} of ${count(row.endusers_total)}`, "endusers active in 30 days") },
        { title: "Last activity", cell: (row) => (row.last_activity_at ? ago(row.last_activity_at) : "never") },
      ],
      rows,
    }),
    pager({ offset: wish.offset, shown: rows.length, total, turn: (offset) => list({ offset }) }) ?? h("p", { class: "quiet" }, total === 1 ? "1 company" : `${count(total)} companies`),
  ];
}

const trendBadge = (trend) => h("span", { class: `badge ${KINDS[trend] ?? ""}` }, TRENDS[trend ?? "none"] ?? trend);
const score = (value) => (value === null || value === undefined ? "–" : Number(value).toFixed(1));

// One company

async function openCompany(id, focus = false) {
  opened = id;
  const target = by("company");
  target.hidden = false;
  try {
    const found = await ask(`companies/${encodeURIComponent(id)}`);
    if (opened === id) show(target, found, drawCompany);
  } catch (problem) {
    show(target, problem.message, (message) => words(message, "bad"));
  }
  if (focus) {
    target.scrollIntoView({ block: "start" });
    target.querySelector("h2")?.focus();
  }
}

function closeCompany() {
  const id = opened;
  opened = null;
  by("company").hidden = true;
  delete by("company").dataset.shows;
  document.querySelector(`[data-key="${CSS.escape(`company-${id}`)}"]`)?.focus();
}

function drawCompany({ company, problem, may, health, daily, so_far, events, metrics, alerts, endusers, as_of, with_persons }) {
  const close = h("button", { type: "button", onclick: () => { put({ company: null }); closeCompany(); } }, "Close");
  if (problem) return [words(problem, "bad"), close];
  if (!company) return [words("There is no company of that id.", "warn"), close];
  const figure = (title, value, more) => h("div", {}, h("dt", {}, title), h("dd", {}, value, more ? h("small", {}, more) : null));
  return [
    h("div", { class: "row between" }, h("h2", { tabindex: "-1" }, name(company.name ?? company.company_id), " ", trendBadge(company.trend), inPlanhat(company)), close),
    company.deleted_at ? words("This company was deleted in Planhat.", "warn") : null,
    h("dl", { class: "figures" },
      figure("External id", name(company.external_id ?? "none"), company.external_id ? null : "calls cannot name this company"),
      figure("Phase", name(company.phase ?? "–")),
      figure("Activities, 30 days", count(company.activities_30d), `${change(company.change_30d)} against the 30 before`),
      figure("Beat", count(company.beat), "activities in 14 days"),
      figure("Experience", count(company.experience), "activities since the first"),
      figure("Active endusers", `${count(company.active_endusers_1d)} · ${count(company.active_endusers_7d)} · ${count(company.active_endusers_30d)} · ${count(company.active_endusers_90d)}`, `in 1 · 7 · 30 · 90 days, of ${count(company.endusers_total)}`)),
    health ? h("dl", { class: "figures parts" }, figure("Health", score(health.score), "0 to 10, the mean of"), PARTS.map(([key, title, meaning]) =>
      figure(title, [health[key] === null ? "no data" : score(health[key]), health[key] === null ? null : h("meter", { min: 0, max: 10, value: health[key], "aria-label": `${title}, of 10` })], meaning))) : null,
    soFar(so_far),
    chart({ title: "Activities a day", daily, key: "activities", asOf: as_of }),
    events.length ? h("details", {}, h("summary", {}, "What was done in the last 30 days"), table({
      caption: "Activities of the last 30 days, by event",
      columns: [
        { title: "Event", cell: (row) => name(row.event) },
        { title: "Activities", number: true, cell: (row) => count(row.activities) },
        { title: "Last day", date: true, cell: (row) => row.last_day },
      ],
      rows: events,
    })) : null,
    h("div", { class: "charts" }, metrics.map((metric) => chart({ title: `${metric.shown} (${metric.aggregation} a day)`, daily: metric.daily, key: "value", asOf: as_of, bars: metric.aggregation === "SUM" }))),
    alerts.length ? [h("h3", {}, "Alerts"), alertTable(alerts, may, false)] : null,
    h("h3", {}, "Endusers"),
    endusers.length ? table({
      caption: "Endusers of the company, the most active first",
      columns: [
        { title: "Enduser", cell: (row) => [opener(row.name ?? row.enduser_id, { key: `enduser-${row.enduser_id}`, label: `Usage of ${row.name ?? row.enduser_id}`, fill: () => days(row) }), inPlanhat(row)] },
        { title: "From", cell: (row) => (row.origin === "segment" ? "Segment" : "Planhat") },
        { title: "Trend", cell: (row) => trendBadge(row.trend) },
        { title: "Activities, 30 days", number: true, cell: (row) => count(row.activities_30d) },
        { title: "Change", number: true, cell: (row) => change(row.change_30d) },
        { title: "In all", number: true, cell: (row) => count(row.activities_total) },
        { title: "Last activity", cell: (row) => (row.last_activity_at ? ago(row.last_activity_at) : "never") },
      ],
      rows: endusers,
    }) : words("Nobody of this company is known yet."),
    with_persons ? null : h("p", { class: "quiet" }, "Names of endusers are shown to those who may edit the push DAG."),
  ];
}

async function days(row) {
  const found = await ask(`endusers/${encodeURIComponent(row.enduser_id)}`);
  return found.problem ? words(found.problem, "bad") : chart({ title: "Activities a day", daily: found.daily, key: "activities", asOf: found.as_of });
}
