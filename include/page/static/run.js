// What a push did: one run's table, the objects behind each of its numbers, the runs before, receipts. `to` is a destination of destinations.js.

import { ask } from "./api.js";
import { airflowLink, h, listed, name, object, opener, table, words } from "./dom.js";
import { planned } from "./held.js";
import { count, counted, duration, model, modelColumn, ofModel, queryOf, STATUS, time } from "./words.js";

/** A run: when, how, what it said, and a row a model. `shows`: which models; `open`: another run, null for the last. */
export function drawRun({ run, problem, last }, { to, dagId, shows, open }) {
  const back = last ? null : h("button", { type: "button", class: "link", onclick: () => open(null) }, "Back to the last sync");
  if (problem) return [words(problem, "bad"), back];
  if (!run && last) return [h("h2", {}, "Last sync"), words(to.nothing)];
  if (!run) return [words("The push has no such run (yet): it opens one after the build, when it plans.", "warn"), back];
  const title = last ? "Last sync" : `Run ${run.run_id}`;
  const columns = run.is_dry ? to.dryColumns : to.columns;
  const rows = run.models.filter((each) => shows(each.model));
  return [
    h("div", { class: "row between" },
      h("h2", {}, title, " ", badge(run.status)),
      h("span", { class: "row" }, run.dag_run_id ? airflowLink(`dags/${dagId}/runs/${encodeURIComponent(run.dag_run_id)}`, "This run in Airflow") : null, back)),
    h("p", { class: "quiet" }, `${time(run.started_at)}, `, how(run), `, ${duration(run.seconds)}`),
    (run.remarks ?? []).map((remark) => h("p", { class: "notice warn" }, name(`${remark[0].toUpperCase()}${remark.slice(1)}.`))),
    run.reason ? h("p", { class: `notice ${STATUS[run.status]?.[1] === "bad" ? "bad" : "warn"}` }, name(run.reason)) : null,
    run.warnings?.length ? h("details", { "data-key": `warnings-${run.run_id}`, open: last ? null : true }, h("summary", {}, `${counted(run.warnings.length, "warning")} of the plan; all of it is sent`),
      h("ul", { class: "fields" }, run.warnings.map((each) => h("li", {}, `${model(each.model)}: `, name(each.warning))))) : null,
    rows.length ? table({
      caption: `${title}: objects ${run.is_dry ? "that would be sent" : "synced"} and errors, per model`,
      columns: [
        { title: "Model", cell: (row) => (row.model ? model(row.model) : "Total") },
        ...columns.map(([title_, key, strong]) => ({
          title: title_, number: true, strong, value: (row) => row[key],
          cell: (row) => (row[key] ? behind(to, run, row, key, title_) : count(row[key])),
        })),
      ],
      rows,
      // of some models the sum opens nothing: what is behind it is all of them
      foot: rows.length === run.models.length ? run.totals : null,
    }) : words("No model was reached."),
    (run.needs ?? []).map((line) => h("p", { class: "quiet" }, name(line))),
  ];
}

const badge = (status) => h("span", { class: `badge ${STATUS[status]?.[1] ?? ""}` }, STATUS[status]?.[0] ?? status);

function how(run) {
  const parts = { schedule: "on schedule", button: "by the button", command: "by command", api: "by hand in Airflow" };
  const text = parts[run.trigger] ?? run.trigger;
  const kinds = [run.is_full ? "full resync" : null, run.is_dry ? "dry run" : null].filter(Boolean);
  return [text, run.trigger === "schedule" ? null : [", ", name(run.requested_by)], kinds.length ? `, ${kinds.join(", ")}` : null];
}

/** A number that opens its objects: errors, what was planned or left out, or what is there; of a model, or of all (a total). */
function behind(to, run, row, key, title, place = "run") {
  const modelName = row.model ?? null;
  const of = ofModel(modelName);
  const id = `${place === "run" ? "" : `${place}-${run.run_id}-`}${key}-${modelName ?? "all"}`;
  if (key === "errors") {
    return opener(count(row.errors), {
      key: id, kind: "bad", label: `${counted(row.errors, "error")} of ${of}: show them`, fill: (cell) => errorRows(run, modelName, cell),
    });
  }
  const fill = (cell) => {
    if (key === "considered" || key === "unchanged") return ledger(to, run.destination, modelName, "all", cell);
    if (key === "withheld" || key === "waiting") return leftOut(run, modelName, key, cell);
    return planned(to, run.run_id, modelName, ["added", "changed", "removed"].includes(key) ? key : null, cell);
  };
  return opener(count(row[key]), { key: id, kind: "figure", label: `${title} of ${of}: ${count(row[key])}, show them`, fill });
}

/** What a destination has acknowledged, object by object: `which` are all, seen_back or missing. */
function ledger(to, destination, modelName, which, cell) {
  return listed({
    ask: (offset) => ask(`acknowledged?${queryOf({ destination, model: modelName, which, offset })}`),
    caption: `Objects of ${ofModel(modelName)} as ${to.name} has acknowledged them`,
    none: `${to.name} has acknowledged none of them yet.`,
    columns: () => [
      { title: "Object", cell: object },
      ...modelColumn(modelName),
      { title: "Version", number: true, cell: (row) => count(row.version) },
      { title: "First acknowledged", cell: (row) => time(row.first_acknowledged_at) },
      { title: "Last acknowledged", cell: (row) => time(row.acknowledged_at) },
      { title: to.seen, cell: (row) => (row.stored_otherwise ? ["otherwise: ", name(JSON.stringify(row.stored_otherwise))] : row.seen_back_at ? time(row.seen_back_at) : "not yet") },
      ...to.ledgerColumns,
    ],
  }, cell);
}

function errorRows(run, modelName, cell) {
  return listed({
    ask: (offset) => ask(`runs/${run.run_id}/errors?${queryOf({ model: modelName, offset })}`),
    caption: `Objects of ${ofModel(modelName)} that failed`,
    none: "No error rows are kept of it.",
    columns: ({ with_payload }) => [
      { title: "Object", cell: (row) => (row.object_id ? object(row) : "(no key)") },
      ...modelColumn(modelName),
      { title: "Code", cell: (row) => h("code", {}, row.code) },
      { title: "Message", cell: (row) => name(row.message) },
      { title: "Attempts", number: true, cell: (row) => count(row.attempts) },
      { title: "First failed", cell: (row) => time(row.first_failed_at) },
      { title: "Since then", cell: (row) => (row.resolved_at ? `resolved ${time(row.resolved_at)}` : "tried again at each push") },
      ...payloadColumn(with_payload),
    ],
    after: payloadNote,
  }, cell);
}

/** What a plan left out: `which` are withheld (by a rule) or waiting (of unknown outcome). */
function leftOut(run, modelName, which, cell) {
  return listed({
    ask: (offset) => ask(`left_out/${run.run_id}?${queryOf({ model: modelName, which, offset })}`),
    caption: which === "withheld" ? `Objects of ${ofModel(modelName)} that a rule withholds` : `Objects of ${ofModel(modelName)} of unknown outcome, when it was planned`,
    none: "Not kept any more: a later run has planned anew.",
    columns: ({ with_payload }) => [
      { title: "Object", cell: object },
      ...modelColumn(modelName),
      { title: "Reason", cell: (row) => h("code", {}, row.code) },
      { title: "What it means", wide: true, cell: (row) => name(row.message) },
      ...payloadColumn(with_payload),
    ],
    after: (found) => [
      h("p", { class: "quiet" }, found.reasons.map((each) => `${each.code} ${count(each.objects)}`).join(", ")),
      payloadNote(found),
    ],
  }, cell);
}

/** What was, or would be, sent: for who may see it. */
export const payloadColumn = (isShown) => (isShown ? [{ title: "Payload", cell: (row) => h("details", {}, h("summary", {}, "Show"), h("pre", {}, JSON.stringify(row.payload, null, 2))) }] : []);

export const payloadNote = ({ with_payload }) => (with_payload ? null : h("p", { class: "quiet" }, "Payloads hold personal data: they are shown to those who may edit the DAG."));

/** The runs before; `open` shows one. */
export function drawHistory(runs, { to, open }) {
  if (!runs?.length) return [];
  return [
    h("h2", {}, "Runs"),
    table({
      caption: "Runs, newest first",
      columns: [
        { title: "Started", cell: (run) => h("button", { type: "button", class: "link", "data-key": `run-${run.run_id}`, "aria-label": `Open the run of ${time(run.started_at)}`, onclick: () => open(run.run_id) }, time(run.started_at)) },
        { title: "Status", cell: (run) => (run.is_dead ? h("span", { class: "badge bad", title: "Whoever ran it is gone; the next push closes it" }, "Died") : badge(run.status)) },
        { title: "How", cell: (run) => how(run) },
        { title: "Duration", number: true, cell: (run) => duration(run.seconds) },
        ...[["Synced", "synced"], ["Errors", "errors"], ["Held", "held"]].map(([title, key]) => ({
          title, number: true, value: (run) => run[key],
          cell: (run) => (run[key] ? behind(to, run, { [key]: run[key] }, key, `${title} in the run of ${time(run.started_at)}`, "runs") : count(0)),
        })),
      ],
      rows: runs,
    }),
  ];
}

/** Of each model that is shown: what was acknowledged, and what was seen of it since. `unseen`: models of which nothing can be. */
export function receiptRows(found, { to, shows, unseen }) {
  if (found.problem) return words(found.problem, "bad");
  const rows = found.rows.filter((row) => shows(row.model));
  if (!rows.length) return words(to.noReceipts);
  const of = (row, which, number, said) => {
    if (!number) return count(0);
    return opener(count(number), {
      key: `receipts-${row.destination}-${row.model}-${which}`, kind: "figure",
      label: `${model(row.model)}: ${count(number)} ${said}, show them`,
      fill: (cell) => ledger(to, row.destination, row.model, which, cell),
    });
  };
  return [
    words(to.receipts),
    table({
      caption: `Of each model: objects that ${to.name} acknowledged, and those of them that were seen since`,
      rowHeader: 1,
      columns: [
        { title: to.name, cell: (row) => name(row.host) },
        { title: "Model", cell: (row) => model(row.model) },
        { title: "Acknowledged", number: true, cell: (row) => of(row, "all", row.acknowledged, "acknowledged") },
        { title: to.seen, number: true, strong: true, cell: (row) => (unseen(row.model) ? "cannot be read" : of(row, "seen_back", row.seen_back, to.seen.toLowerCase())) },
        { title: "Not yet", number: true, value: (row) => row.missing, cell: (row) => (unseen(row.model) ? "–" : of(row, "missing", row.missing, to.unseen)) },
        ...to.receiptColumns,
        { title: "Oldest of those", cell: (row) => (unseen(row.model) ? "–" : time(row.oldest_missing_at)) },
      ],
      rows,
    }),
  ];
}
