// Section 1: what Segment sent, what became of it, and what would resolve the rest.

import { by, h, name, opener, show, table, words } from "./dom.js";
import { drawSwitch } from "./switches.js";
import { count, time } from "./words.js";

let refresh = () => {};

export function startTracking(again) {
  refresh = again;
}

export function drawTracking(tracking) {
  show(by("tracking-outcomes"), tracking, drawOutcomes);
  show(by("tracking-intake"), tracking.intake, drawIntake);
}

function drawOutcomes({ intake, outcomes, resolved, endusers, may }) {
  const switches = intake.switches ?? {};
  return [
    h("h2", {}, "Section 1 · User tracking"),
    h("dl", { class: "figures" },
      ["user_tracking", "auto_create"].map((key) => switches[key] && drawSwitch(key, switches[key], may.edit, refresh)),
      figure("Events", resolved.problem ? "–" : count(resolved.events)),
      figure("Resolved", resolved.problem ? "–" : count(resolved.resolved)),
      figure("Unresolved", outcomes.problem ? "–" : count(outcomes.unresolved)),
      figure("Endusers", endusers.problem ? "–" : count(endusers.known), endusers.problem ? null : `${count(endusers.created)} created from Segment`)),
    h("h3", {}, "Unresolved events, by reason"),
    outcomes.problem ? words(outcomes.problem, "warn") : outcomes.reasons.length === 0
      ? words(resolved.events ? "Every event has its enduser and company." : "No event has arrived yet, or none has been built.")
      : table({
        caption: "Unresolved events by reason; they are kept, and resolve by themselves when what is missing arrives",
        columns: [
          { title: "Reason", cell: (row) => opener(row.title, { key: `reason-${row.reason}`, label: `${row.title}: what it means`, fill: () => explain(row) }) },
          { title: "Events", number: true, strong: true, cell: (row) => count(row.events) },
          { title: "First seen", cell: (row) => time(row.first_seen_at) },
          { title: "Last seen", cell: (row) => time(row.last_seen_at) },
          { title: "A sample's message id", cell: (row) => h("code", {}, name(row.sample_message_id)) },
        ],
        rows: outcomes.reasons,
      }),
  ];
}

const explain = (row) => [
  h("p", {}, row.meaning),
  h("p", {}, h("strong", {}, "What resolves it: "), row.remedy),
  h("p", { class: "quiet" }, "In the tables it is called ", h("code", {}, row.reason), "."),
];

const figure = (title, value, more) => h("div", {}, h("dt", {}, title), h("dd", {}, value, more ? h("small", {}, more) : null));

function drawIntake(intake) {
  if (intake.problem) return [h("h2", {}, "Received"), words(intake.problem, "bad")];
  return [
    h("h2", {}, `Received in the last ${intake.days} days`),
    intake.sources.length === 0
      ? words("No source is set up yet. `make up` makes the first ones on the embedded server; docs/collector.md says how to add another.")
      : table({
        caption: "Received = landed + duplicates + quarantined + spooled, per source",
        columns: [
          { title: "Source", cell: (row) => name(row.source) },
          { title: "Carries", cell: (row) => (row.kind === "planhat" ? "our own pushes, seen back" : "usage") },
          { title: "Received", number: true, strong: true, cell: (row) => count(row.received) },
          { title: "Landed", number: true, cell: (row) => count(row.landed) },
          { title: "Duplicates", number: true, value: (row) => row.duplicates, cell: (row) => count(row.duplicates) },
          { title: "Quarantined", number: true, value: (row) => row.quarantined, cell: (row) => count(row.quarantined) },
          { title: "Spooled", number: true, value: (row) => row.spooled, cell: (row) => count(row.spooled) },
          { title: "Last", cell: (row) => (row.last_hour ? `hour of ${time(row.last_hour)}` : "nothing yet") },
        ],
        rows: intake.sources,
      }),
  ];
}
