// Section 1: what Segment sent, what became of it, what would resolve the rest, how to connect.

import { ask } from "./api.js";
import { chart } from "./charts.js";
import { attempt, by, expander, h, listed, name, opener, pager, show, table, twoStep, whyLink, words } from "./dom.js";
import { drawCompared } from "./compared.js";
import { drawFindings } from "./findings.js";
import { drawFieldRules, drawIdentity, drawProposals, drawSuppressed } from "./identity.js";
import { drawSwitch } from "./switches.js";
import { count, counted, queryOf, time } from "./words.js";

let refresh = () => {};

export function startTracking(again) {
  refresh = again;
}

export function drawTracking(tracking) {
  const { intake, outcomes, resolved, endusers, may } = tracking;
  show(by("tracking-outcomes"), { intake, outcomes, resolved, endusers, may }, drawOutcomes);
  drawFindings(tracking.quality, may);
  drawCompared(tracking.compared);
  drawProposals({ outcomes, resolved });
  drawIdentity(tracking.identity, may);
  drawSuppressed(tracking.suppressed, may);
  drawFieldRules(tracking.field_rules);
  show(by("tracking-intake"), tracking.intake, drawIntake);
  show(by("tracking-quarantine"), (tracking.intake.sources ?? []).map((each) => each.quarantined), drawQuarantine);
  // a new token is shown once: it stays until somebody says that they have it
  if (by("tracking-setup").querySelector("input.token")) return;
  show(by("tracking-setup"), { collector: tracking.collector, sources: tracking.intake.sources, may: tracking.may }, drawSetup);
}

function drawOutcomes({ intake, outcomes, resolved, endusers, may }) {
  const switches = intake.switches ?? {};
  return [
    h("h2", {}, "Section 1 · User tracking"),
    h("dl", { class: "figures" },
      ["user_tracking", "auto_create"].map((key) => switches[key] && drawSwitch(key, switches[key], may.edit, refresh)),
      figure("Events", resolved.problem ? "–" : callsFigure("all", resolved.events, "event")),
      figure("Resolved", resolved.problem ? "–" : callsFigure("resolved", resolved.resolved, "resolved event")),
      figure("Unresolved", outcomes.problem ? "–" : callsFigure("unresolved", outcomes.unresolved, "unresolved event")),
      figure("Endusers", endusers.problem ? "–" : endusersFigure(null, endusers.known), endusers.problem ? null : [endusersFigure("segment", endusers.created), " created from Segment"])),
    outcomes.problem || !outcomes.daily.length ? null : chart({ title: "Events a day", daily: outcomes.daily, parts: PARTS, asOf: outcomes.as_of }),
    h("h3", {}, "Unresolved events, by reason"),
    outcomes.problem ? words(outcomes.problem, "warn") : outcomes.reasons.length === 0
      ? words(resolved.events ? "Every event has its enduser and company." : "No event has arrived yet, or none has been built.")
      : [
        table({
          caption: "Unresolved events by reason; they are kept, and resolve by themselves when what is missing arrives",
          columns: [
            { title: "Reason", cell: (row) => opener(row.title, { key: `reason-${row.reason}`, label: `${row.title}: its events`, fill: (cell) => explain(row, 0, cell) }) },
            { title: "Events", number: true, strong: true, cell: (row) => opener(count(row.events), { key: `events-${row.reason}`, kind: "figure", label: `${row.title}: ${count(row.events)} events, show them`, fill: (cell) => explain(row, 0, cell) }) },
            { title: "First day", date: true, cell: (row) => row.first_day },
            { title: "Last day", date: true, cell: (row) => row.last_day },
            { title: "A sample", cell: (row) => (row.sample_message_id ? whyLink(row.sample_message_id) : "–") },
          ],
          rows: outcomes.reasons,
        }),
      ],
  ];
}

const PARTS = [
  { key: "unresolved", label: "Unresolved", color: "--chart-2" },
  { key: "resolved", label: "Resolved", color: "--chart" },
];

/** A number of calls, which opens them: `which` are all, resolved or unresolved. */
function callsFigure(which, number, noun) {
  if (!number) return count(0);
  return opener(count(number), { key: `calls-${which}`, kind: "figure", label: `${counted(number, noun)}: show them`, fill: (cell) => callRows(which, noun, cell) });
}

function callRows(which, noun, cell) {
  return listed({
    ask: (offset) => ask(`calls?${queryOf({ which, offset })}`),
    caption: `${noun[0].toUpperCase()}${noun.slice(1)}s, those received last first`,
    none: "None.",
    columns: () => [
      { title: "Call", cell: (row) => whyLink(row.message_id) },
      { title: "When", cell: (row) => time(row.event_at) },
      { title: "Type", cell: (row) => row.type },
      { title: "Event", cell: (row) => name(row.event ?? "–") },
      { title: "Company", cell: (row) => (row.company_id ? whyLink(row.company_id, row.company ?? row.company_id) : "–") },
      { title: "User", cell: (row) => (row.enduser_id ? whyLink(row.enduser_id, row.person ?? row.enduser_id) : name(row.person ?? "–")) },
      { title: "Outcome", cell: (row) => row.reason?.replaceAll("_", " ") ?? "resolved" },
    ],
    after: ({ parts, total }) => h("details", {}, h("summary", {}, "All of them, by source and type"), table({
      caption: `${count(total)} in all, by source and type`,
      columns: [
        { title: "Source", cell: (row) => name(row.source) },
        { title: "Type", cell: (row) => row.type },
        { title: "Calls", number: true, cell: (row) => count(row.events) },
      ],
      rows: parts,
      foot: { source: "Total", type: "", events: total },
    })),
  }, cell);
}

/** A number of endusers, which opens them: all, or those of one `origin`. */
function endusersFigure(origin, number) {
  if (!number) return count(0);
  return opener(count(number), {
    key: `endusers-${origin ?? "all"}`, kind: "figure", label: `${counted(number, "enduser")}${origin ? " created from Segment" : ""}: show them`,
    fill: (cell) => enduserRows(origin, cell),
  });
}

function enduserRows(origin, cell) {
  return listed({
    ask: (offset) => ask(`endusers?${queryOf({ origin, offset })}`),
    caption: origin ? "Endusers created from Segment, those first seen last first" : "Endusers, those first seen last first",
    none: "None so far.",
    columns: () => [
      { title: "Enduser", cell: (row) => whyLink(row.enduser_id, row.name ?? row.enduser_id) },
      { title: "Company", cell: (row) => (row.company_id ? whyLink(row.company_id, row.company ?? row.company_id) : "–") },
      ...(origin ? [] : [{ title: "From", cell: (row) => (row.origin === "segment" ? "Segment" : "Planhat") }]),
      { title: "First seen", cell: (row) => time(row.first_seen_at) },
      { title: "Created by the call", cell: (row) => (row.created_by_message_id ? whyLink(row.created_by_message_id) : "–") },
    ],
    after: ({ with_persons }) => (with_persons ? null : h("p", { class: "quiet" }, "Names are shown to those who may edit the DAG.")),
  }, cell);
}

async function explain(row, offset, cell) {
  const found = await ask(`tracking/${encodeURIComponent(row.reason)}?offset=${offset}`);
  const turn = async (to) => cell.replaceChildren(...(await explain(row, to, cell)).flat(Infinity).filter(Boolean));
  return [
    h("p", {}, row.meaning),
    h("p", {}, h("strong", {}, "What resolves it: "), row.remedy),
    found.problem ? words(found.problem, "bad") : [
      offset ? null : chart({ title: `${row.title}: events`, daily: found.daily, key: "unresolved", asOf: found.as_of }),
      found.rows.length ? table({
        caption: `Events unresolved for the reason ${row.reason}, by their keys, the most frequent first`,
        columns: [
          { title: "A sample: why?", cell: (each) => whyLink(each.sample_message_id) },
          { title: "Events", number: true, cell: (each) => count(each.events) },
          { title: "First seen", cell: (each) => time(each.first_seen_at) },
          { title: "Last seen", cell: (each) => time(each.last_seen_at) },
          { title: "Call", cell: (each) => each.type },
          { title: "Keys", cell: (each) => keys(each) },
          { title: "What would resolve it", wide: true, cell: (each) => name(each.remedy) },
        ],
        rows: found.rows,
      }) : null,
      pager({ offset, shown: found.rows.length, total: found.total, turn }),
    ],
  ];
}

const KEYS = { user_id: "user", email: "e-mail", anonymous_id: "anonymous" };

function keys(row) {
  const told = Object.entries(row.keys).map(([key, value]) => [KEYS[key], value]);
  if (row.company_key) told.push(["company", row.company_key]);
  if (!told.length) return "none";
  return h("ul", { class: "fields" }, told.map(([key, value]) => h("li", {}, `${key} `, name(value))));
}

const figure = (title, value, more) => h("div", {}, h("dt", {}, title), h("dd", {}, value, more ? h("small", {}, more) : null));

const NUMBERS = [["Received", "received"], ["Landed", "landed"], ["Duplicates", "duplicates"], ["Quarantined", "quarantined"], ["Spooled", "spooled"], ["Turned away", "turned_away"]];

function drawIntake(intake) {
  if (intake.problem) return [h("h2", {}, "Received"), words(intake.problem, "bad")];
  return [
    h("h2", {}, `Received in the last ${intake.days} days`),
    intake.sources.length === 0
      ? words("No source is set up yet. `make up` makes the first ones on the embedded server; docs/collector.md says how to add another.")
      : table({
        caption: "Received = landed + duplicates + quarantined + spooled + turned away, per source",
        columns: [
          { title: "Source", cell: (row) => opener(name(row.shown), { key: `source-${row.source}`, label: `${row.shown}: what it sent, day by day`, fill: () => receivedDays(row) }) },
          { title: "Carries", cell: (row) => (row.kind === "planhat" ? "our own pushes, seen back" : "usage") },
          ...NUMBERS.map(([title, key]) => ({
            title, number: true, strong: key === "received", value: (row) => row[key],
            cell: (row) => (row[key] ? opener(count(row[key]), { key: `${key}-${row.source}`, kind: "figure", label: `${title} of ${row.shown}: ${count(row[key])}, day by day`, fill: () => receivedDays(row, title, key) }) : count(0)),
          })),
          { title: "Last", cell: (row) => (row.last_hour ? `in the hour of ${time(row.last_hour)}` : "nothing yet") },
        ],
        rows: intake.sources,
      }),
  ];
}

async function receivedDays(row, title = "Received", key = "received") {
  const found = await ask(`received?${new URLSearchParams({ source: row.source })}`);
  return found.problem ? words(found.problem, "bad") : chart({ title: `${title}: calls a day`, daily: found.daily, key, asOf: found.as_of, days: 30 });
}

// Calls that could not be stored

const drawQuarantine = () => expander("Quarantined calls: what could not be stored", {
  key: "quarantine",
  fill: (place) => {
    const turn = async (offset) => {
      const found = await ask(`quarantine?offset=${offset}`);
      return quarantineRows(found, offset, async (to) => place.replaceChildren(...[await turn(to)].flat(Infinity).filter(Boolean)));
    };
    return turn(0);
  },
});

function quarantineRows(found, offset, turn) {
  if (found.problem) return words(found.problem, "bad");
  if (!found.total) return words("None: every call that came could be stored.");
  return [
    h("p", {}, `${found.reasons.map((each) => `${count(each.calls)} ${each.reason}`).join(", ")}. After a fix, `, h("code", {}, "make replay"), " lands what can be landed, with the time at which it first came."),
    table({
      caption: "Quarantined calls, newest first",
      columns: [
        { title: "Received", cell: (row) => time(row.received_at) },
        { title: "Source", cell: (row) => name(row.source) },
        { title: "Reason", cell: (row) => h("code", {}, row.reason) },
        ...(found.with_payload ? [
          { title: "Detail", cell: (row) => name(row.detail) },
          { title: "Payload", cell: (row) => h("details", {}, h("summary", {}, "Show"), h("pre", {}, row.payload)) },
        ] : []),
      ],
      rows: found.rows,
    }),
    found.with_payload ? null : h("p", { class: "quiet" }, "Details and payloads hold personal data: they are shown to those who may edit the DAG."),
    pager({ offset, shown: found.rows.length, total: found.total, turn }),
  ];
}

// What to type into Segment

function drawSetup({ collector, sources, may }) {
  const products = (sources ?? []).filter((each) => each.kind === "product");
  return [
    h("h2", {}, "What to type into Segment"),
    collector.is_public
      ? h("p", {}, "The collector is reached at ", h("code", {}, collector.address), ".")
      : h("p", {}, "The collector listens at ", h("code", {}, collector.address), ". Segment's servers reach it only by a public address: put your own, with https, in front of it. Set it as ", h("code", {}, "COLLECTOR_PUBLIC_URL"), ", and it stands here."),
    table({
      caption: "Ways to send calls here",
      columns: [
        { title: "From", cell: (row) => row[0] },
        { title: "Address", cell: (row) => h("code", {}, row[1]) },
        { title: "Key", cell: (row) => row[2] },
      ],
      rows: [
        ["A webhook destination in Segment (every call of its sources)", `${collector.address}/webhook`, "a header Authorization: Bearer, then the source's tenant token or write key; and the shared secret, if the source has one"],
        ["A library: its host or endpoint (of the browser's: apiHost and cdnURL)", collector.address, "the source's write key"],
        ["A destination of your own that posts one call a request", `${collector.address}/dock/segment`, "Basic, with the tenant token as the user and no password"],
      ],
    }),
    h("p", { class: "notice warn" }, "The Planhat destination of Segment's catalogue cannot point here: its field “subdomain” chooses among Planhat's own hosts. Use a webhook destination in its place."),
    h("h3", {}, "Tenant tokens"),
    products.length ? table({
      caption: "Sources that send usage, and their keys; a key is shown once, when it is made, and kept as a hash alone",
      columns: [
        { title: "Source", cell: (row) => name(row.shown) },
        { title: "Write keys", number: true, cell: (row) => count(row.keys.filter((each) => each.kind === "write_key").length) },
        { title: "Tenant token", cell: (row) => tokenWords(row.keys.filter((each) => each.kind === "tenant_token")) },
        ...(may.edit ? [{ title: "New token", cell: (row) => rotator(row) }] : []),
      ],
      rows: products,
    }) : words("No source that sends usage is set up yet."),
  ];
}

function tokenWords(tokens) {
  if (!tokens.length) return "none yet";
  return h("ul", { class: "fields" }, tokens.map((each) => h("li", {}, `since ${time(each.valid_from)}${each.valid_to ? `, until ${time(each.valid_to)}` : ""}`)));
}

function rotator(row) {
  const has = row.keys.some((each) => each.kind === "tenant_token");
  const place = h("div", {});
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const make = async () => {
    const { token } = await ask("tokens", { method: "POST", body: { source: row.source } });
    const field = h("input", { type: "text", readonly: true, value: token, "aria-label": `New tenant token of ${row.shown}`, class: "token" });
    place.replaceChildren(
      h("p", { class: "notice" }, "Copy it now: it is shown this once and kept nowhere."), field,
      h("button", { type: "button", onclick: () => { place.replaceChildren(); refresh(); } }, "Done"));
    field.select();
  };
  place.append(has
    ? twoStep("Rotate", { key: `rotate-${row.source}`, label: `Rotate the tenant token of ${row.shown}`, warning: "A new token is made and shown once. Those in use now keep working for seven days.", yes: "Make a new token", act: make })
    : h("button", { type: "button", "data-key": `rotate-${row.source}`, "aria-label": `Make a tenant token for ${row.shown}`, onclick: () => attempt(make, problem) }, "Make a token"), problem);
  return place;
}
