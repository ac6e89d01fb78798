// Section 3: is it active, the button and its reason, the run in progress, the last sync, history.

import { put, value } from "./address.js";
import { ask } from "./api.js";
import { airflowLink, by, expander, h, listed, name, opener, show, table, twoStep, whyLink, words } from "./dom.js";
import { drawDestination } from "./destination.js";
import { drawHeld, planned } from "./held.js";
import { ago, count, counted, duration, model, modelColumn, ofModel, queryOf, STATUS, time, timeOfDay } from "./words.js";

let latest = null;
let refresh = () => {};
// the run whose end is said: its number, or the id of the DAG run until it has one
let watched = null;

export function startPush(again) {
  refresh = again;
  by("push-form").addEventListener("submit", (event) => {
    event.preventDefault();
    press();
  });
  by("push-receipts").replaceChildren(expander("Receipts: which messages came back", { key: "receipts", fill: async () => receiptRows(await ask("receipts")) }));
  for (const id of ["push-dry", "push-full"]) by(id).addEventListener("change", nameButton);
}

/** The run that the address names. */
export function followPush() {
  if (latest) drawRun(latest);
}

export function drawPush(push) {
  latest = push;
  show(by("push-state"), stateOf(push), drawState);
  drawForm(push);
  drawDestination(push, refresh);
  show(by("push-progress"), progressOf(push), (found) => (found?.waits ? drawWaiting(found) : drawProgress(found)));
  drawRun(push);
  drawHeld(push, refresh);
  show(by("push-history"), push.problem ? null : push.history, drawHistory);
  noticeEnd(push);
}

// Active or not, when last, how long, when next

function stateOf(push) {
  const { is_active, is_known, next_run_at, schedule, last_run, may, dag_id, problem, failed_before } = push;
  // The words for how long ago change by themselves: part of what is shown.
  return { is_active, is_known, next_run_at, schedule, last_run, may, dag_id, problem, failed_before, ago: last_run && ago(last_run.finished_at) };
}

function drawState(state) {
  const last = state.last_run;
  return [
    h("div", { class: "row between" },
      h("h2", {}, "Section 3 · Data push"),
      h("span", { class: "row" },
        airflowLink(`dags/${state.dag_id}`, "The DAG in Airflow"),
        state.is_known && state.may.edit ? h("button", { type: "button", "data-key": "activate", onclick: () => activate(!state.is_active) },
          state.is_active ? "Deactivate" : "Activate") : null)),
    state.problem ? words(state.problem, "bad") : null,
    h("dl", { class: "figures" },
      figure("Status", state.is_active ? "Active" : "Not active", state.is_active ? null : "Nothing is pushed, on schedule or by hand"),
      figure("Last sync", last ? time(last.finished_at) : state.problem ? "–" : "Never", last ? state.ago : null),
      figure("Duration", last ? duration(last.seconds) : "–"),
      figure("Next sync", state.next_run_at ? time(state.next_run_at) : state.is_active ? "–" : "Not while inactive", state.schedule)),
    state.failed_before ? h("p", { class: "notice bad" },
      `The push of ${time(state.failed_before.since)} (`, name(state.failed_before.by), ") failed in Airflow before anything was sent. ",
      airflowLink(`dags/${state.dag_id}/runs/${encodeURIComponent(state.failed_before.dag_run_id)}`, "Its log says why"), ".") : null,
    h("p", { id: "activate-answer", class: "notice bad", role: "alert", hidden: true }),
  ];
}

const figure = (title, value, more) => h("div", {}, h("dt", {}, title), h("dd", {}, value, more ? h("small", {}, more) : null));

async function activate(isActive) {
  const answer = by("activate-answer");
  answer.hidden = true;
  try {
    await ask("active", { method: "POST", body: { is_active: isActive } });
    await refresh();
  } catch (problem) {
    answer.textContent = problem.message;
    answer.hidden = false;
  }
}

// The button

function drawForm(push) {
  by("push-form").hidden = false;
  const button = by("push-button");
  // Not `disabled`: it stays in reach of the keyboard, so that its reason is read out.
  button.setAttribute("aria-disabled", String(!push.button.enabled));
  by("push-options").hidden = !push.may.push;
  nameButton();
  const reason = reasonOf(push.button);
  if (by("push-reason").textContent !== reason) by("push-reason").textContent = reason;
  show(by("push-silent"), push.silent_processes, (silent) => silent.map(silentWords));
  show(by("push-models"), push.models, (models) => models.map((each) =>
    h("label", {}, h("input", { type: "checkbox", name: "model", value: each, "data-key": `model-${each}` }), " ", model(each))));
}

const PROCESSES = { scheduler: "scheduler", dag_processor: "DAG processor", triggerer: "triggerer" };

const silentWords = ({ process, since, text }) =>
  words(`Airflow's ${PROCESSES[process]} ${since ? `has not answered since ${time(since)}` : "has never answered"}. ${text}`, "warn");

function reasonOf(button) {
  const run = button.run;
  // Times in the reader's zone; the rest as the server says it.
  if (button.code === "running" && run) {
    const where = run.model ? `, in model ${run.model}` : run.planned_at ? "" : ", planning";
    const share = run.percent === null ? "" : `, ${run.percent}%`;
    return `A push is ${run.status} since ${timeOfDay(run.started_at)} by ${run.requested_by}${where}${share}.`;
  }
  if (button.code === "queued" && run) return `A push was triggered at ${timeOfDay(run.since)} by ${run.by} and is ${run.state} in Airflow; the warehouse is built before it is compared.`;
  return button.text ?? "";
}

function nameButton() {
  const isFull = by("push-full").checked;
  by("push-button").textContent = by("push-dry").checked ? "Show what would be pushed" : isFull ? "Push every object again" : "Push data to Segment";
}

async function press() {
  if (!latest?.button.enabled) {
    say("warn", `Not pushed. ${reasonOf(latest?.button ?? {})}`);
    return;
  }
  const models = [...document.querySelectorAll('#push-models input:checked')].map((each) => each.value);
  by("push-button").setAttribute("aria-disabled", "true");
  latest.button = { enabled: false, text: "Triggering…" };
  try {
    const done = await ask("push", { method: "POST", body: { models, dry_run: by("push-dry").checked, full_resync: by("push-full").checked } });
    watched = done.dag_run_id;
    say("", "Triggered. It starts within seconds: ", airflowLink(`dags/${latest.dag_id}/runs/${encodeURIComponent(done.dag_run_id)}`, "follow it in Airflow"), ", or here.");
    for (const box of document.querySelectorAll("#push-form input:checked")) box.checked = false;
  } catch (problem) {
    say("bad", `Not pushed. ${problem.message}`);
  }
  await refresh();
}

/** When the run that was watched has ended, say how; it may have been too quick to be seen active. */
function noticeEnd(push) {
  if (push.active_run) {
    watched = push.active_run.run_id;
    return;
  }
  if (!watched) return;
  if (push.failed_before?.dag_run_id === watched) {
    say("bad", "The push has failed in Airflow before anything was sent.");
    watched = null;
    return;
  }
  const run = push.history?.find((each) => each.run_id === watched || each.dag_run_id === watched);
  if (!run?.finished_at) return;
  const [text, kind] = STATUS[run.status] ?? [run.status, ""];
  say(kind === "good" ? "" : kind, `The push has ended: ${text.toLowerCase()}, ${count(run.synced)} synced, ${counted(run.errors, "error")}${run.held ? `, ${count(run.held)} held` : ""}.${run.reason ? ` ${run.reason}` : ""}`);
  watched = null;
}

/** What became of the press. */
function say(kind, ...text) {
  const answer = by("push-answer");
  answer.className = `notice ${kind}`;
  answer.replaceChildren(...text);
  answer.hidden = false;
}

// The run in progress

/** The run that is active; or the push that waits in Airflow, while the warehouse is built for it. */
function progressOf({ active_run, button, may, stops }) {
  if (active_run) return { ...active_run, may: may.push };
  const run = button.code === "queued" ? button.run : null;
  return run && { waits: true, dag_run_id: run.dag_run_id, stopped_by: stops?.[run.dag_run_id] ?? null, may: may.push };
}

function drawWaiting({ dag_run_id, stopped_by, may }) {
  if (stopped_by) return h("p", { class: "notice warn" }, name(stopped_by), " asked it to stop: the build goes on to its end, and nothing is sent.");
  return may ? h("div", { class: "card" }, twoStep("Stop this push", {
    key: "stop", warning: "The warehouse is built to the end; nothing is sent.", yes: "Stop it",
    act: async () => {
      await ask("stops", { method: "POST", body: { dag_run_id } });
      await refresh();
    },
  })) : [];
}

function drawProgress(run) {
  if (!run) return [];
  const words_ = run.planned_at ? `${counted(run.totals.planned, "object")} to send` : "Comparing every model with what Segment has acknowledged";
  return h("div", { class: "card" },
    h("h2", {}, `A push is ${run.status}`),
    h("p", {}, `Since ${timeOfDay(run.started_at)} by `, name(run.requested_by), run.model ? `, now ${model(run.model)}` : "", `. ${words_}.`),
    h("progress", { "aria-label": "Share of the planned objects that have an outcome", max: 100, value: run.percent }),
    h("p", { class: "quiet" }, run.percent === null ? "" : `${run.percent}%`),
    run.cancel_requested_by
      ? h("p", { class: "notice warn" }, name(run.cancel_requested_by), ` asked it to stop at ${timeOfDay(run.cancel_requested_at)}: it ends within seconds.`)
      : run.may ? twoStep("Stop this push", {
        key: "cancel", warning: "It ends within seconds. What was sent stays sent; the rest goes with the next push.", yes: "Stop it",
        act: async () => {
          await ask(`runs/${run.run_id}/cancel`, { method: "POST" });
          await refresh();
        },
      }) : null);
}

// One run: the last sync, or the one that was opened

async function drawRun(push) {
  const target = by("push-run");
  if (push.problem) return show(target, null, () => []);
  // a run's number, or the id of the DAG run that made it
  const chosenRun = value("run");
  if (!chosenRun) return show(target, { run: push.last_run, may: push.may, last: true }, drawTable);
  try {
    const { run, problem } = await ask(`runs/${encodeURIComponent(chosenRun)}`);
    if (value("run") === chosenRun) show(target, { run, problem, may: push.may, last: false }, drawTable);
  } catch (problem) {
    show(target, { problem: problem.message }, drawTable);
  }
}

const COLUMNS = [
  ["Objects synced", "synced", true], ["Errors", "errors", true], ["Considered", "considered"], ["Unchanged", "unchanged"],
  ["Added", "added"], ["Changed", "changed"], ["Removed", "removed"], ["Held", "held"], ["Not sent", "not_sent"],
];
// A dry run sends nothing: it says what would be sent.
const DRY_COLUMNS = [["Would be sent", "to_send", true], ...COLUMNS.slice(1, -1)];

function drawTable({ run, problem, last, may }) {
  const back = last ? null : h("button", { type: "button", class: "link", onclick: () => openRun(null) }, "Back to the last sync");
  if (problem) return [words(problem, "bad"), back];
  if (!run && last) {
    return [h("h2", {}, "Last sync"), words("Nothing has been pushed yet. The first push sends every object; later ones send what changed.")];
  }
  if (!run) return [words("The push has no such run (yet): it opens one after the build, when it plans.", "warn"), back];
  const title = last ? "Last sync" : `Run ${run.run_id}`;
  return [
    h("div", { class: "row between" },
      h("h2", {}, title, " ", badge(run.status)),
      h("span", { class: "row" }, run.dag_run_id ? airflowLink(`dags/${latest.dag_id}/runs/${encodeURIComponent(run.dag_run_id)}`, "This run in Airflow") : null, back)),
    h("p", { class: "quiet" }, `${time(run.started_at)}, `, how(run), `, ${duration(run.seconds)}`),
    (run.remarks ?? []).map((remark) => h("p", { class: "notice warn" }, name(`${remark[0].toUpperCase()}${remark.slice(1)}.`))),
    run.reason ? h("p", { class: `notice ${STATUS[run.status]?.[1] === "bad" ? "bad" : "warn"}` }, name(run.reason)) : null,
    run.warnings?.length ? h("details", { "data-key": `warnings-${run.run_id}`, open: last ? null : true }, h("summary", {}, `${counted(run.warnings.length, "warning")} of the plan; all of it is sent`),
      h("ul", { class: "fields" }, run.warnings.map((each) => h("li", {}, `${model(each.model)}: `, name(each.warning))))) : null,
    run.models.length ? table({
      caption: `${title}: objects ${run.is_dry ? "that would be sent" : "synced"} and errors, per model`,
      columns: [
        { title: "Model", cell: (row) => (row.model ? model(row.model) : "Total") },
        ...(run.is_dry ? DRY_COLUMNS : COLUMNS).map(([title_, key, strong]) => ({
          title: title_, number: true, strong, value: (row) => row[key],
          cell: (row) => (row[key] ? behind(run, row, key, title_) : count(row[key])),
        })),
      ],
      rows: run.models,
      foot: run.totals,
    }) : words("No model was reached."),
  ];
}

const badge = (status) => h("span", { class: `badge ${STATUS[status]?.[1] ?? ""}` }, STATUS[status]?.[0] ?? status);

function how(run) {
  const parts = { schedule: "on schedule", button: "by the button", command: "by command", api: "by hand in Airflow" };
  const text = parts[run.trigger] ?? run.trigger;
  const kinds = [run.is_full ? "full resync" : null, run.is_dry ? "dry run" : null].filter(Boolean);
  return [text, run.trigger === "schedule" ? null : [", ", name(run.requested_by)], kinds.length ? `, ${kinds.join(", ")}` : null];
}

/** A number that opens its objects: errors, what was planned, or what Segment has; of a model, or of all (a total). */
function behind(run, row, key, title, place = "run") {
  const modelName = row.model ?? null;
  const of = ofModel(modelName);
  const id = `${place === "run" ? "" : `${place}-${run.run_id}-`}${key}-${modelName ?? "all"}`;
  if (key === "errors") {
    return opener(count(row.errors), {
      key: id, kind: "bad", label: `${counted(row.errors, "error")} of ${of}: show them`, fill: (cell) => errorRows(run, modelName, cell),
    });
  }
  const ofLedger = key === "considered" || key === "unchanged";
  const action = ["added", "changed", "removed"].includes(key) ? key : null;
  return opener(count(row[key]), {
    key: id, kind: "figure", label: `${title} of ${of}: ${count(row[key])}, show them`,
    fill: (cell) => (ofLedger ? ledger(run.destination, modelName, "all", cell) : planned(run.run_id, modelName, action, cell)),
  });
}

/** What Segment has acknowledged, object by object: `which` are all, seen_back or missing. */
function ledger(destination, modelName, which, cell) {
  return listed({
    ask: (offset) => ask(`acknowledged?${queryOf({ destination, model: modelName, which, offset })}`),
    caption: `Objects of ${ofModel(modelName)} as Segment has acknowledged them`,
    none: "Segment has acknowledged none of them yet.",
    columns: () => [
      { title: "Object", cell: (row) => whyLink(row.object_id) },
      ...modelColumn(modelName),
      { title: "Version", number: true, cell: (row) => count(row.version) },
      { title: "First acknowledged", cell: (row) => time(row.first_acknowledged_at) },
      { title: "Last acknowledged", cell: (row) => time(row.acknowledged_at) },
      { title: "Came back", cell: (row) => (row.seen_back_at ? time(row.seen_back_at) : "not yet") },
      { title: "Removed", cell: (row) => time(row.removed_at) },
    ],
  }, cell);
}

function errorRows(run, modelName, cell) {
  return listed({
    ask: (offset) => ask(`runs/${run.run_id}/errors?${queryOf({ model: modelName, offset })}`),
    caption: `Objects of ${ofModel(modelName)} that failed`,
    none: "No error rows are kept of it.",
    columns: ({ with_payload }) => [
      { title: "Object", cell: (row) => (row.object_id ? whyLink(row.object_id) : "(no key)") },
      ...modelColumn(modelName),
      { title: "Code", cell: (row) => h("code", {}, row.code) },
      { title: "Message", cell: (row) => name(row.message) },
      { title: "Attempts", number: true, cell: (row) => count(row.attempts) },
      { title: "First failed", cell: (row) => time(row.first_failed_at) },
      { title: "Since then", cell: (row) => (row.resolved_at ? `resolved ${time(row.resolved_at)}` : "tried again at each push") },
      ...(with_payload ? [{ title: "Payload", cell: (row) => h("details", {}, h("summary", {}, "Show"), h("pre", {}, JSON.stringify(row.payload, null, 2))) }] : []),
    ],
    after: ({ with_payload }) => (with_payload ? null : h("p", { class: "quiet" }, "Payloads hold personal data: they are shown to those who may edit the DAG.")),
  }, cell);
}

// History

function drawHistory(runs) {
  if (!runs?.length) return [];
  return [
    h("h2", {}, "Runs"),
    table({
      caption: "Runs, newest first",
      columns: [
        { title: "Started", cell: (run) => h("button", { type: "button", class: "link", "data-key": `run-${run.run_id}`, "aria-label": `Open the run of ${time(run.started_at)}`, onclick: () => openRun(run.run_id) }, time(run.started_at)) },
        { title: "Status", cell: (run) => (run.is_dead ? h("span", { class: "badge bad", title: "Whoever ran it is gone; the next push closes it" }, "Died") : badge(run.status)) },
        { title: "How", cell: (run) => how(run) },
        { title: "Duration", number: true, cell: (run) => duration(run.seconds) },
        ...[["Synced", "synced"], ["Errors", "errors"], ["Held", "held"]].map(([title, key]) => ({
          title, number: true, value: (run) => run[key],
          cell: (run) => (run[key] ? behind(run, { [key]: run[key] }, key, `${title} in the run of ${time(run.started_at)}`, "runs") : count(0)),
        })),
      ],
      rows: runs,
    }),
  ];
}

function openRun(runId) {
  put({ run: runId });
  drawRun(latest).then(() => by("push-run").scrollIntoView({ block: "nearest" }));
}

// Receipts

function receiptRows(found) {
  if (found.problem) return words(found.problem, "bad");
  if (!found.rows.length) return words("Segment has acknowledged nothing yet, so nothing can come back.");
  return [
    words("A message comes back where Segment sends this source's calls to the collector, with the key of a source of kind planhat. Each push looks for those of the last seven days when it ends."),
    table({
      caption: "Of each model: objects whose last message Segment acknowledged, and those of them that came back",
      rowHeader: 1,
      columns: [
        { title: "Segment", cell: (row) => name(row.host) },
        { title: "Model", cell: (row) => model(row.model) },
        { title: "Acknowledged", number: true, cell: (row) => receiptOpener(row, "all", row.acknowledged, "acknowledged") },
        { title: "Came back", number: true, strong: true, cell: (row) => receiptOpener(row, "seen_back", row.seen_back, "came back") },
        { title: "Not yet", number: true, value: (row) => row.missing, cell: (row) => receiptOpener(row, "missing", row.missing, "not come back yet") },
        { title: "Oldest of those", cell: (row) => time(row.oldest_missing_at) },
      ],
      rows: found.rows,
    }),
  ];
}

function receiptOpener(row, which, number, said) {
  if (!number) return count(0);
  return opener(count(number), {
    key: `receipts-${row.destination}-${row.model}-${which}`, kind: "figure",
    label: `${model(row.model)}: ${count(number)} ${said}, show them`,
    fill: (cell) => ledger(row.destination, row.model, which, cell),
  });
}
