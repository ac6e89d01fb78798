// The last `make compare`: what Planhat has beside what is ours.

import { airflowLink, by, h, name, opener, show, table, whyLink, words } from "./dom.js";
import { count, time } from "./words.js";

const OUTCOMES = [["ours_only", "Ours only"], ["theirs_only", "Theirs only"], ["different", "Different"]];
const SECTIONS = { endusers: "Endusers", metrics: "Metrics by day", activity: "Last activity" };

export function drawCompared(compared) {
  show(by("tracking-compared"), compared, draw);
}

function draw({ comparison, problem }) {
  const heading = h("h2", {}, "Compared with Planhat");
  if (problem) return [heading, words(problem, "warn")];
  if (!comparison) return [heading, words("Not compared yet. While the hosted integration writes to Planhat too, a comparison holds what it wrote against ours; nothing is sent."), h("p", {}, again())];
  return [
    heading,
    h("p", { class: "quiet" }, `${comparison.since} to ${comparison.until} (UTC), compared ${time(comparison.compared_at)} by `, name(comparison.requested_by), " with ", name(comparison.place), ". Nothing was sent. ", again()),
    table({
      caption: "What Planhat has beside what is ours",
      columns: [
        { title: "Section", cell: (row) => SECTIONS[row.name] ?? row.name },
        { title: "Equal", number: true, value: (row) => row.equal, cell: (row) => count(row.equal) },
        ...OUTCOMES.map(([outcome, title]) => ({ title, number: true, value: (row) => row[outcome], cell: (row) => figure(row, outcome, title) })),
      ],
      rows: comparison.sections,
    }),
    [...comparison.remarks, ...comparison.sections.flatMap((each) => each.remarks)].map((remark) => h("p", { class: "notice warn" }, name(remark))),
  ];
}

const again = () => ["Compare: ", airflowLink("dags/compare_with_planhat", "trigger it in Airflow"), ", with the days that you choose, or ", h("code", {}, "make compare"), "."];

const figure = (row, outcome, title) => (!row[outcome] ? count(0) : opener(count(row[outcome]), {
  key: `compared-${row.name}-${outcome}`, kind: "figure", label: `${SECTIONS[row.name] ?? row.name}, ${title.toLowerCase()}: ${count(row[outcome])}, show why`,
  fill: () => table({
    caption: `${SECTIONS[row.name] ?? row.name}, ${title.toLowerCase()}: why`,
    columns: [
      { title: "Reason", cell: (reason) => reason.code },
      { title: "Times", number: true, strong: true, cell: (reason) => count(reason.count) },
      { title: "What it means, and what to do", wide: true, cell: (reason) => [name(`${reason.meaning}.`), reason.remedy ? [" ", h("strong", {}, name(reason.remedy))] : null] },
      { title: "Examples", cell: (reason) => reason.examples.map((each) => h("div", {}, example(each))) },
    ],
    rows: row.reasons.filter((reason) => reason.outcome === outcome),
  }),
}));

function example({ object, company, metric, day, ours, theirs }) {
  return [
    metric ? [name(metric), " "] : null, whyLink(object), company ? [" in ", whyLink(company)] : null, day ? ` ${day}` : null,
    ours === null ? null : [" ours ", name(ours)], theirs === null ? null : [" theirs ", name(theirs)],
  ];
}
