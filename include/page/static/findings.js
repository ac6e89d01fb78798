// What was found in the data: rows of quality, companies that Planhat lacks, how late calls come.

import { ask } from "./api.js";
import { by, expander, h, listed, name, opener, show, table, whyLink, words } from "./dom.js";
import { fillAlias } from "./identity.js";
import { count, queryOf, time } from "./words.js";

// Their examples are places, and no ids to ask about.
const PLACES = /^(call_quarantined_|export_line_rejected)/;

export function drawFindings(quality, may) {
  show(by("tracking-found"), { ...quality, may }, draw);
}

function draw({ findings, unknown, problem, may }) {
  const heading = h("h2", {}, "Found in the data");
  if (problem) return [heading, words(problem, "warn")];
  return [
    heading,
    h("p", { class: "quiet" }, "What we had to work around. None of it stops a build or a push."),
    h("dl", { class: "figures" },
      figure("Companies that Planhat lacks", unknown.total ? opener(count(unknown.total), {
        key: "unknown-companies", kind: "figure", label: `${count(unknown.total)} companies that calls name and Planhat lacks: show them`, fill: (cell) => unknownCompanies(may, cell),
      }) : count(0), "named by calls"),
      figure("Calls that name them", unknown.events ? opener(count(unknown.events), {
        key: "unknown-events", kind: "figure", label: `${count(unknown.events)} calls that name a company that Planhat lacks: by company`, fill: (cell) => unknownCompanies(may, cell),
      }) : count(0))),
    findings.length ? table({
      caption: "Findings in the customer's data, the most frequent first",
      columns: [
        { title: "Finding", cell: (row) => row.title },
        { title: "Times", number: true, strong: true, cell: (row) => opener(count(row.times), { key: `finding-${row.finding}`, kind: "figure", label: `${row.title}: ${count(row.times)} times, show them`, fill: (cell) => things(row, cell) }) },
        { title: "What it means, and what to do", wide: true, cell: (row) => [row.meaning, row.remedy ? [" ", h("strong", {}, row.remedy)] : null] },
        { title: "An example", cell: (row) => example(row) },
      ],
      rows: findings,
    }) : words("Nothing."),
    expander("How late calls arrive", { key: "lateness", fill: lateness }),
  ];
}

const figure = (title, value, more) => h("div", {}, h("dt", {}, title), h("dd", {}, value, more ? h("small", {}, more) : null));

const example = (row, of = row.finding) => (!row.example ? "–" : PLACES.test(of) || row.example === "(hidden)" ? name(row.example) : whyLink(row.example));

function things(finding, cell) {
  return listed({
    ask: (offset) => ask(`quality?${queryOf({ finding: finding.finding, offset })}`),
    caption: `${finding.title}: which they are`,
    none: "None any more.",
    columns: ({ rows }) => [
      { title: "times" in rows[0] ? "An example" : "Which", cell: (row) => example(row, finding.finding) },
      ...("detail" in rows[0] ? [{ title: "More", cell: (row) => name(row.detail ?? "–") }] : []),
      ...("times" in rows[0] ? [{ title: "Times", number: true, cell: (row) => count(row.times) }] : []),
      ...(rows.some((row) => row.source) ? [
        { title: "Source", cell: (row) => name(row.source) },
        { title: "Library", cell: (row) => name(row.library || "none said") },
        { title: "Looks like (9: a digit, a: a letter)", cell: (row) => name(row.shape) },
      ] : []),
    ],
  }, cell);
}

function unknownCompanies(may, cell) {
  return listed({
    ask: (offset) => ask(`unknown_companies?${queryOf({ offset })}`),
    caption: "Companies that calls name and Planhat lacks, the most frequent first",
    none: "None: Planhat has every company that calls name.",
    columns: () => [
      { title: "Calls name it", cell: (row) => whyLink(row.company_key, row.shown) },
      { title: "Calls", number: true, strong: true, cell: (row) => count(row.events) },
      { title: "Of them found elsewhere", number: true, value: (row) => row.events_found, cell: (row) => count(row.events_found) },
      { title: "Users", number: true, cell: (row) => count(row.users) },
      { title: "First seen", cell: (row) => time(row.first_seen_at) },
      { title: "Last seen", cell: (row) => time(row.last_seen_at) },
      { title: "A sample", cell: (row) => whyLink(row.sample_message_id) },
      ...(may.edit ? [{ title: "Or", cell: (row) => h("button", { type: "button", "aria-label": `Make ${row.shown} an alias`, onclick: () => fillAlias(row.company_key) }, "Alias…") }] : []),
    ],
    after: () => h("p", {}, h("strong", {}, "What to do: "), "create the company in Planhat with what calls name it by as its external id, and read Planhat again: its calls resolve by themselves. If Planhat has it under another id, set that external id there, or an alias here."),
  }, cell);
}

const share = (value) => `${(Number(value) * 100).toFixed(Number(value) && Number(value) < 0.01 ? 2 : 1)}%`;

async function lateness() {
  const { rows, hours, problem } = await ask("lateness");
  if (problem) return words(problem, "warn");
  if (!rows.length) return words("No call says when it happened yet.");
  return [
    h("p", {}, `A week is judged ${hours} hours after it ended (`, h("code", {}, "alert_judged_after"), "): what comes later than that changes weeks that were judged already, and their alerts close as corrected."),
    table({
      caption: "How long after it happened a call was received, by source and library",
      columns: [
        { title: "Source", cell: (row) => name(row.source) },
        { title: "Library", cell: (row) => name(row.library || "none said") },
        { title: "Calls", number: true, strong: true, cell: (row) => count(row.calls) },
        ...[["within_1h", "Within 1 hour"], ["within_12h", "12 hours"], ["within_1d", "1 day"], ["within_7d", "7 days"]].map(([key, title]) => ({ title, number: true, cell: (row) => count(row[key]) })),
        { title: "After 12 hours", number: true, cell: (row) => share(row.share_after_12h) },
      ],
      rows,
    }),
  ];
}
