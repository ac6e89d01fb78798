// Section 2: the declared company metrics, and the numbers that were seen and nobody declared.

import { by, h, name, show, table, words } from "./dom.js";
import { count, time } from "./words.js";

export function drawMetrics(metrics) {
  show(by("metrics-declared"), metrics, drawDeclared);
  show(by("metrics-candidates"), metrics.candidates, drawCandidates);
}

function drawDeclared({ declared, filled }) {
  return [
    h("h2", {}, "Section 2 · Company metrics"),
    h("p", { class: "quiet" }, "Numeric traits of Segment group calls become daily metrics of a company, once declared. A metric declared today is filled from all history at the next build."),
    declared.problem ? words(declared.problem, "bad") : declared.declared.length === 0
      ? words("No metric is declared yet.")
      : table({
        caption: "Declared metrics",
        columns: [
          { title: "Trait", cell: (row) => name(row.shown) },
          { title: "Read as", cell: (row) => row.aggregation },
          { title: "Companies", number: true, cell: (row) => count(filled.metrics?.[row.metric]?.companies) },
          { title: "Days", number: true, cell: (row) => count(filled.metrics?.[row.metric]?.days) },
          { title: "Last value", cell: (row) => filled.metrics?.[row.metric]?.last_date ?? "none yet" },
          { title: "Declared", cell: (row) => [time(row.valid_from), " by ", name(row.changed_by)] },
        ],
        rows: declared.declared,
      }),
    filled.problem && !declared.problem ? words(filled.problem, "warn") : null,
  ];
}

function drawCandidates(candidates) {
  return [
    h("h2", {}, "Seen, not declared"),
    candidates.problem ? words(candidates.problem, "warn") : candidates.candidates.length === 0
      ? words("No undeclared numeric trait has been seen in a group call.")
      : table({
        caption: "Numeric traits of group calls that are not declared as metrics",
        columns: [
          { title: "Trait", cell: (row) => name(row.shown) },
          { title: "Times seen", number: true, cell: (row) => count(row.times_seen) },
          { title: "Companies", number: true, cell: (row) => count(row.companies) },
          { title: "Last value", number: true, cell: (row) => count(row.last_value) },
          { title: "Last seen", cell: (row) => time(row.last_seen_at) },
        ],
        rows: candidates.candidates,
      }),
  ];
}
