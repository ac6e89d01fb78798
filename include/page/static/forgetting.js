// Forgetting people: a look at what would go, a word that it shall, what waits and is under way, and receipts.

import { ask } from "./api.js";
import { attempt, by, expander, fileLink, h, listed, name, show, table, twoStep, words } from "./dom.js";
import { drawSwitch } from "./switches.js";
import { count, counted, time } from "./words.js";

// reading all that names somebody takes a while in a large warehouse
const PATIENCE = 10 * 60_000;

let refresh = () => {};

export function startForgetting(again) {
  refresh = again;
  by("forget-form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(look, by("forget-problem"));
  });
  // what was looked at is not what is typed now, nor what is wished
  for (const each of ["ids", ...WISHES]) by(`forget-${each}`).addEventListener("input", () => by("forget-look").replaceChildren());
}

async function look() {
  const place = by("forget-look");
  place.replaceChildren(words("Looking at everything that names them…"));
  try {
    const ids = by("forget-ids").value;
    const seen = await ask("forgetting/look", { method: "POST", body: { ids }, patience: PATIENCE });
    place.replaceChildren(...[drawLook(seen, ids)].flat(Infinity).filter(Boolean));
  } catch (problem) {
    place.replaceChildren();
    throw problem;
  }
}

const KINDS = { enduser_id: "enduser", user_id: "user id", email: "e-mail", anonymous_id: "anonymous id" };

function drawLook(seen, ids) {
  const refused = seen.lines.filter((line) => line.refused);
  const known = (line) => Object.entries(line.ids).filter(([, number]) => number).map(([kind, number]) => counted(number, KINDS[kind])).join(", ");
  return [
    table({
      caption: "Whom each line means",
      columns: [
        { title: "Line", number: true, cell: (line) => count(line.line) },
        { title: "Id", cell: (line) => name(line.asked) },
        { title: "Means", wide: true, cell: (line) => (line.refused ? h("span", { class: "notice bad" }, "Refused: ", name(line.refused)) : line.is_known ? `one person, by ${known(line)}` : "nobody here: a receipt will say so") },
        { title: "Suppressed already", number: true, cell: (line) => (line.refused ? "–" : count(line.suppressed)) },
      ],
      rows: seen.lines,
      rowHeader: 1,
    }),
    h("ul", {}, seen.plan.map((line) => h("li", {}, name(line)))),
    refused.length ? withoutThese(refused, ids) : confirm(seen, ids),
  ];
}

/** Nobody is forgotten while a line is refused: it must be said what it means, or left out. */
function withoutThese(refused, ids) {
  const gone = new Set(refused.map((line) => line.line));
  const rest = ids.split(/\r\n|\n|\r/).filter((_, index) => !gone.has(index + 1));
  const leave = () => {
    by("forget-ids").value = rest.join("\n");
    by("forget-form").requestSubmit();
  };
  return [
    words(`${counted(refused.length, "line")} refused, so nobody is forgotten yet: write whom you mean, or leave ${refused.length === 1 ? "it" : "them"} out.`, "warn"),
    rest.some((line) => line.trim()) ? h("button", { type: "button", onclick: leave }, "Leave these lines out and look again") : null,
  ];
}

const WISHES = ["suppress", "segment", "planhat"];
const wishes = () => Object.fromEntries(WISHES.map((each) => [each, by(`forget-${each}`).checked]));

function confirm(seen, ids) {
  const whom = `${counted(seen.people, "person").replace("persons", "people")} and ${counted(seen.calls, "call")}`;
  return twoStep(`Forget ${whom}`, {
    key: "forget-confirm",
    warning: `${whom} go, with all that is listed here, and what was made of it.${wishes().segment ? " Segment is asked to delete them by their user ids." : ""}${wishes().planhat ? " Their endusers are deleted in Planhat." : ""} This cannot be taken back.`,
    yes: `Yes, forget ${whom}`,
    act: async () => {
      const reason = by("forget-reason").value;
      const done = await ask("forgetting", { method: "POST", body: { ids, reason, fingerprint: seen.fingerprint, ...wishes() } });
      for (const each of ["forget-ids", "forget-reason"]) by(each).value = "";
      for (const each of WISHES) by(`forget-${each}`).checked = false;
      by("forget-look").replaceChildren();
      by("forget-said").textContent = `${counted(done.people, "person").replace("persons", "people")} asked for. ${done.dag_run_id ? "It begins now" : "Airflow did not start it; it begins within the hour"}, and a receipt follows.`;
      await refresh();
    },
  });
}

export function drawForgetting(state) {
  by("tracking-forgetting").hidden = Boolean(state.problem);
  if (state.problem) return;
  by("forget-form").hidden = !state.may.edit;
  show(by("forget-switch"), { found: state.delete_calls, may: state.may }, ({ found, may }) => (found ? h("dl", { class: "figures" }, drawSwitch("forget_delete_calls", found, may.edit, refresh)) : []));
  show(by("forget-under-way"), state.under_way, drawUnderWay);
  show(by("forget-waiting"), { rows: state.waiting, all: state.waiting_in_all, may: state.may }, drawWaiting);
  show(by("forget-receipts"), { receipts: state.receipts, may: state.may }, drawReceipts);
}

function drawUnderWay(rows) {
  if (!rows.length) return [];
  return [
    h("h3", {}, "Being forgotten"),
    table({
      caption: "People who are being forgotten",
      columns: [
        { title: "Receipt", cell: (row) => name(row.receipt) },
        { title: "Asked for", cell: (row) => [time(row.requested_at), " by ", name(row.requested_by)] },
        { title: "Because", cell: (row) => name(row.reason) },
        { title: "Now", cell: (row) => (row.stopped_by ? h("span", { class: "notice bad" }, "Stopped, and tried again: ", name(row.stopped_by)) : `${row.step ?? "waits"}`) },
        { title: "Rows so far", number: true, cell: (row) => count(total(row.done)) },
      ],
      rows,
    }),
  ];
}

const total = (done) => Object.values(done).reduce((sum, each) => sum + (typeof each === "number" ? each : 0), 0);

function drawWaiting({ rows, all, may }) {
  if (!rows.length) return [];
  return [
    h("h3", {}, `Waiting: ${count(all)}`),
    table({
      caption: "Requests to forget somebody that wait",
      columns: [
        { title: "Id", cell: (row) => name(row.asked) },
        { title: "Asked for", cell: (row) => (row.origin === "page" ? [time(row.requested_at), " by ", name(row.requested_by)] : ["by a delete call of ", name(row.source), ", received ", time(row.received_at)]) },
        { title: "Because", cell: (row) => name(row.reason) },
        { title: "Why it waits", wide: true, cell: (row) => (row.refused ? name(row.refused) : row.origin === "page" ? "It begins soon." : "Nobody has said yet that it shall be done; or, where delete calls forget people, it begins within the hour.") },
        ...(may.edit ? [{ title: "Your word", cell: choice }] : []),
      ],
      rows,
    }),
    rows.length < all ? words(`The first ${count(rows.length)}.`) : null,
  ];
}

function choice(row) {
  const take = () => {
    by("forget-ids").value = [by("forget-ids").value.trim(), row.asked].filter(Boolean).join("\n");
    by("forget-look").replaceChildren();
    by("forget-ids").focus();
  };
  return h("span", { class: "row" },
    h("button", { type: "button", "data-key": `forget-take-${row.request_id}`, onclick: take }, "Into the form"),
    twoStep("Dismiss", {
      key: `forget-dismiss-${row.request_id}`, label: `Dismiss the request for ${row.asked}`,
      warning: "Nothing is done for this request, and the id is not kept in it.", yes: "Dismiss it",
      act: async () => {
        await ask("forgetting/dismiss", { method: "POST", body: { request_id: row.request_id } });
        await refresh();
      },
    }));
}

function drawReceipts({ receipts, may }) {
  if (!receipts) return words("Nobody has been forgotten yet.");
  return [
    expander(`Receipts: ${count(receipts)}`, { key: "forget-receipts", fill: (place) => receiptRows(place) }),
    may.edit ? h("p", {}, fileLink("api/forgetting/receipts.json", "receipts.json", "Download all receipts"), " as JSON: they name nobody.") : null,
  ];
}

const receiptRows = (place) => listed({
  ask: (offset) => ask(`forgetting/receipts?offset=${offset}`),
  caption: "Receipts, the newest first",
  none: "None.",
  columns: () => [
    { title: "Receipt", cell: (row) => name(row.receipt) },
    { title: "Done", cell: (row) => time(row.finished_at) },
    { title: "Asked for", cell: (row) => [time(row.requested_at), " by ", name(row.requested_by)] },
    { title: "Because", cell: (row) => name(row.reason) },
    { title: "Ids", number: true, cell: (row) => count(row.hashes) },
    { title: "Elsewhere", cell: (row) => (row.elsewhere.length ? h("ul", { class: "fields" }, row.elsewhere.map((each) => h("li", {}, `${each.system}: ${count(each.ids)} `, each.state.replaceAll("_", " "), each.regulation ? [" as ", name(each.regulation), ` (${each.status})`] : null, each.detail ? ["; ", name(each.detail)] : null))) : "–") },
    { title: "What went", wide: true, cell: (row) => (Object.keys(row.done).length ? h("ul", { class: "fields" }, Object.entries(row.done).map(([where, number]) => h("li", {}, name(where), " ", typeof number === "number" ? count(number) : name(number)))) : "nobody had the id") },
  ],
}, place);
