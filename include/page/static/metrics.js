// Section 2: the declared company metrics, and the numbers that were seen and nobody declared.

import { ask } from "./api.js";
import { attempt, by, h, name, show, table, twoStep, words } from "./dom.js";
import { drawSwitch } from "./switches.js";
import { count, time } from "./words.js";

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
  by("metric-said").textContent = `${metric} is saved. The next build fills it from all history.`;
  await refresh();
}

function drawState({ switches, may }) {
  return [
    h("h2", {}, "Section 2 · Company metrics"),
    switches.problem ? words(switches.problem, "bad") : h("dl", { class: "figures" }, drawSwitch("company_metrics", switches.company_metrics, may.edit, refresh)),
    h("p", { class: "quiet" }, "Numeric traits of Segment group calls become daily metrics of a company, once declared: SUM adds up a day's values (occurrences), LAST keeps the day's last one (snapshots). A metric declared today is filled from all history at the next build."),
  ];
}

function drawDeclared({ declared, filled, may }) {
  if (declared.problem) return words(declared.problem, "bad");
  if (!declared.declared.length) return [h("h3", {}, "Declared"), words("No metric is declared yet.")];
  const of = (row) => filled.metrics?.[row.metric] ?? { companies: 0, days: 0 };
  return [
    h("h3", {}, "Declared"),
    filled.problem ? words(filled.problem, "warn") : null,
    table({
      caption: "Declared metrics",
      columns: [
        { title: "Trait", cell: (row) => name(row.shown) },
        { title: "Read as", cell: (row) => row.aggregation },
        { title: "Companies", number: true, cell: (row) => count(of(row).companies) },
        { title: "Values", number: true, cell: (row) => count(of(row).days) },
        { title: "Last day", cell: (row) => of(row).last_date ?? "none yet" },
        { title: "Declared", cell: (row) => [time(row.valid_from), " by ", name(row.changed_by)] },
        ...(may.edit ? [{ title: "Change", cell: (row) => h("span", { class: "row" }, otherReading(row), deletion(row, of(row))) }] : []),
      ],
      rows: declared.declared,
    }),
  ];
}

function otherReading(row) {
  const other = row.aggregation === "SUM" ? "LAST" : "SUM";
  return twoStep(`Read as ${other}`, {
    key: `other-${row.metric}`, label: `Read ${row.shown} as ${other}`,
    warning: ["Every value of ", name(row.shown), ` is read as ${other} from the next build on, past days too.`],
    yes: `Read as ${other}`, act: () => declare(row.metric, other),
  });
}

function deletion(row, of) {
  return twoStep("Delete", {
    key: `delete-${row.metric}`, label: `Delete ${row.shown}`,
    warning: ["Deleting ", name(row.shown), ` removes its ${count(of.days)} values of ${count(of.companies)} companies at the next build. The events stay: declared again, it is filled again from all history.`],
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
        { title: "Why", cell: (row) => (row.reason === "null_value" ? "no value (null)" : `not a number, but of type ${row.value_type}`) },
        { title: "Times", number: true, cell: (row) => count(row.times) },
        { title: "Last seen", cell: (row) => time(row.last_seen_at) },
        { title: "A sample's message id", cell: (row) => h("code", {}, name(row.sample_message_id)) },
      ],
      rows: rejections,
    }),
  ];
}
