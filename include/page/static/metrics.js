// Section 2: the declared company metrics, and the numbers that were seen and nobody declared.

import { ask } from "./api.js";
import { chart } from "./charts.js";
import { attempt, by, h, listed, name, opener, show, table, twoStep, whyLink, words } from "./dom.js";
import { drawSwitch } from "./switches.js";
import { change, count, time } from "./words.js";

const REJECTIONS = { null_value: "no value (null)", too_many_digits: "a number of too many digits" };

let refresh = () => {};

export function startMetrics(again) {
  refresh = again;
  by("metric-form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      await declare(by("metric-name").value, by("metric-aggregation").value);
      by("metric-name").value = "";
      by("metric-name").focus();
    }, by("metric-problem"));
  });
}

export function drawMetrics(metrics) {
  show(by("metrics-state"), { switches: metrics.switches, may: metrics.may }, drawState);
  by("metric-form").hidden = !metrics.may.edit || Boolean(metrics.declared.problem);
  const { declared, filled, may } = metrics;
  show(by("metrics-declared"), { declared, filled, may }, drawDeclared);
  show(by("metrics-candidates"), { ...metrics.candidates, may }, drawCandidates);
  show(by("metrics-rejections"), metrics.rejections, drawRejections);
}

async function declare(metric, aggregation) {
  await ask("metrics", { method: "POST", body: { metric, aggregation } });
  by("metric-said").textContent = `${metric} is saved, and filled from all history. What is pushed, and health, follow with the next build.`;
  await refresh();
}

function drawState({ switches, may }) {
  return [
    h("h2", {}, "Section 2 · Company metrics"),
    switches.problem ? words(switches.problem, "bad") : h("dl", { class: "figures" }, drawSwitch("company_metrics", switches.company_metrics, may.edit, refresh)),
    h("p", { class: "quiet" }, "Numeric traits of Segment group calls become daily metrics of a company, once declared: SUM adds up a day's values (occurrences), LAST keeps the day's last one (snapshots). A metric declared now is filled from all history."),
  ];
}

function drawDeclared({ declared, filled, may }) {
  if (declared.problem) return words(declared.problem, "bad");
  if (!declared.declared.length) return [h("h3", {}, "Declared"), words("No metric is declared yet.")];
  const of = (row) => filled.metrics?.[row.metric];
  return [
    h("h3", {}, "Declared"),
    filled.problem ? words(filled.problem, "warn") : null,
    table({
      caption: "Declared metrics",
      columns: [
        { title: "Trait", cell: (row) => opener(name(row.shown), { key: `metric-${row.metric}`, label: `${row.shown}: its companies and charts`, fill: () => companiesOf(row) }) },
        { title: "Read as", cell: (row) => row.aggregation },
        { title: "Companies", number: true, cell: (row) => (of(row) ? opener(count(of(row).companies), { key: `companies-${row.metric}`, kind: "figure", label: `${count(of(row).companies)} companies with ${row.shown}: show them`, fill: () => companiesOf(row) }) : "–") },
        { title: "Last day", date: true, cell: (row) => of(row)?.last_date ?? "counted at the next build" },
        { title: "Declared", cell: (row) => [time(row.valid_from), " by ", name(row.changed_by)] },
        ...(may.edit ? [{ title: "Change", cell: (row) => h("span", { class: "row" }, otherReading(row), deletion(row, of(row))) }] : []),
      ],
      rows: declared.declared,
    }),
  ];
}

/** The companies that have values of a metric, found by name; each opens its chart. */
function companiesOf(metric) {
  const place = h("div", {}, words("Loading…"));
  const field = h("input", { type: "search", maxlength: 300, autocomplete: "off", "aria-label": `Find a company with ${metric.shown}`, placeholder: "Find a company" });
  let asked = 0;
  const fill = async () => {
    const number = ++asked;
    try {
      const drawn = await listed({
        ask: (offset) => ask(`metric?${new URLSearchParams({ metric: metric.metric, search: field.value, offset })}`),
        caption: `Companies with values of ${metric.shown}, the highest first`,
        none: field.value ? "No company of that name has a value." : "No company has a value yet.",
        columns: () => [
          { title: "Company", cell: (row) => opener(name(row.name ?? row.company_id), { key: `metric-${metric.metric}-${row.company_id}`, label: `${metric.shown} of ${row.name ?? row.company_id}, day by day`, fill: () => daysOf(metric, row) }) },
          { title: metric.aggregation === "SUM" ? "Last 30 days" : "Last value", number: true, strong: true, cell: (row) => count(row.value) },
          { title: "Change in 30 days", number: true, cell: (row) => change(row.change_30d) },
          { title: "Last day", date: true, cell: (row) => row.last_date },
        ],
      }, place);
      if (number === asked) place.replaceChildren(...[drawn].flat(Infinity).filter(Boolean));
    } catch (problem) {
      if (number === asked) place.replaceChildren(words(problem.message, "bad"));
    }
  };
  let pause;
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(fill, 250);
  });
  fill();
  return [h("p", {}, field), place];
}

async function daysOf(metric, row) {
  const found = await ask(`metric/days?${new URLSearchParams({ metric: metric.metric, company_id: row.company_id })}`);
  return found.problem ? words(found.problem, "bad") : chart({ title: `${metric.shown} (${metric.aggregation} a day)`, daily: found.daily, key: "value", asOf: found.as_of, bars: metric.aggregation === "SUM" });
}

function otherReading(row) {
  const other = row.aggregation === "SUM" ? "LAST" : "SUM";
  return twoStep(`Read as ${other}`, {
    key: `other-${row.metric}`, label: `Read ${row.shown} as ${other}`,
    warning: ["Every value of ", name(row.shown), ` is read as ${other} from now on, past days too.`],
    yes: `Read as ${other}`, act: () => declare(row.metric, other),
  });
}

function deletion(row, of) {
  return twoStep("Delete", {
    key: `delete-${row.metric}`, label: `Delete ${row.shown}`,
    warning: ["Deleting ", name(row.shown), ` removes its values${of ? ` of ${count(of.companies)} companies` : ""}. The events stay: declared again, it is filled again from all history.`],
    yes: "Delete this metric",
    act: async () => {
      await ask("metrics/delete", { method: "POST", body: { metric: row.metric } });
      await refresh();
    },
  });
}

function drawCandidates({ candidates, problem, may }) {
  const heading = h("h2", {}, "Seen, not declared");
  if (problem) return [heading, words(problem, "warn")];
  if (!candidates.length) return [heading, words("No undeclared numeric trait has been seen in a group call.")];
  return [
    heading,
    table({
      caption: "Numeric traits of group calls that are not declared as metrics",
      columns: [
        { title: "Trait", cell: (row) => name(row.shown) },
        { title: "Times seen", number: true, cell: (row) => count(row.times_seen) },
        { title: "A sample", cell: (row) => whyLink(row.sample_message_id) },
        { title: "Companies", number: true, cell: (row) => count(row.companies) },
        { title: "Last value", number: true, cell: (row) => count(row.last_value) },
        { title: "Last seen", cell: (row) => time(row.last_seen_at) },
        ...(may.edit ? [{ title: "Declare", cell: declaration }] : []),
      ],
      rows: candidates,
    }),
  ];
}

function declaration(row) {
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const button = (aggregation) => h("button", {
    type: "button", "data-key": `declare-${row.metric}-${aggregation}`, "aria-label": `Declare ${row.shown} as ${aggregation}`,
    onclick: () => attempt(() => declare(row.metric, aggregation), problem),
  }, `as ${aggregation}`);
  return h("span", { class: "row" }, button("SUM"), button("LAST"), problem);
}

function drawRejections({ rejections, problem }) {
  if (problem || !rejections.length) return [];
  return [
    h("h2", {}, "Rejected values"),
    h("p", { class: "quiet" }, "Values of declared metrics that are no numbers. The day keeps its other values."),
    table({
      caption: "Rejected values of declared metrics",
      columns: [
        { title: "Trait", cell: (row) => name(row.shown) },
        { title: "Why", cell: (row) => REJECTIONS[row.reason] ?? `not a number, but of type ${row.value_type}` },
        { title: "Times", number: true, cell: (row) => count(row.times) },
        { title: "Last seen", cell: (row) => time(row.last_seen_at) },
        { title: "A sample", cell: (row) => whyLink(row.sample_message_id) },
      ],
      rows: rejections,
    }),
  ];
}
