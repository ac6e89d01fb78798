// A push: is it active, the button and its reason, the run in progress, what it left, the last sync, history, receipts.
//
// The same view for each destination: to Segment in section 3, to Planhat in sections 1 and 2, each with its models.

import { put, value } from "./address.js";
import { ask } from "./api.js";
import { drawDestination } from "./destination.js";
import { airflowLink, expander, h, name, show, twoStep, words } from "./dom.js";
import { drawHeld } from "./held.js";
import { pressing } from "./pressing.js";
import { drawHistory, drawRun, receiptRows } from "./run.js";
import { drawUnknown } from "./unknown.js";
import { ago, counted, duration, model, time, timeOfDay } from "./words.js";

/** Puts a view into `place`. `to`: of destinations.js; `prefix` of its ids; `calls`: models that become these are shown, all without. */
export function pushView(place, { to, prefix, calls = null, refresh }) {
  let latest = null;
  const at = frame(place, { to, prefix });

  const callOf = (modelName) => latest?.calls?.[modelName];
  // one whose file is gone becomes nothing any more: it is shown with the endusers
  const shows = (modelName) => !calls || calls.includes(callOf(modelName) ?? "enduser");
  const open = (runId) => {
    put({ run: runId });
    drawOne().then(() => at.run.scrollIntoView({ block: "nearest" }));
  };
  const shown = () => ({ to, shows, refresh, open, dagId: latest?.dag_id, unseen: (modelName) => callOf(modelName) === "activity" });

  const button = pressing(at, {
    to, refresh,
    wish: () => ({
      models: [...at.models.querySelectorAll("input:checked")].map((each) => each.value),
      dry_run: at.dry.checked,
      ...(to.canResync ? { full_resync: at.full.checked } : {}),
    }),
    label: () => (at.dry.checked ? "Show what would be pushed" : at.full.checked ? "Push every object again" : to.press),
  });
  at.receipts.replaceChildren(expander(to.receiptsTitle, { key: "receipts", fill: async () => receiptRows(await ask(`${to.path}receipts`), shown()) }));

  async function drawOne() {
    const push = latest;
    if (push.problem) return show(at.run, null, () => []);
    // a run's number, or the id of the DAG run that made it
    const chosen = value("run");
    const draw = (found) => drawRun(found, shown());
    if (!chosen) return show(at.run, { run: push.last_run, may: push.may, calls: push.calls, last: true }, draw);
    try {
      const { run, problem } = await ask(`runs/${encodeURIComponent(chosen)}`);
      if (value("run") === chosen) show(at.run, { run, problem, may: push.may, last: false }, draw);
    } catch (problem) {
      show(at.run, { problem: problem.message }, draw);
    }
  }

  return {
    draw(push) {
      if (push.refused) return show(at.state, push.refused, (why) => [h("h2", {}, to.heading), words(why, "warn")]);
      latest = push;
      show(at.state, stateOf(push), (state) => drawState(state, { to, prefix, refresh }));
      at.form.hidden = false;
      at.options.hidden = !push.may.push;
      show(at.models, push.models, (models) => models.map((each) =>
        h("label", {}, h("input", { type: "checkbox", name: "model", value: each, "data-key": `model-${each}` }), " ", model(each))));
      button.draw(push);
      drawDestination(at.destination, push, refresh);
      show(at.progress, progressOf(push), (found) => (found?.waits ? drawWaiting(found, to, refresh) : drawProgress(found, to, refresh)));
      drawOne();
      drawHeld(at.held, push, shown());
      drawUnknown(at.unknown, push, shown());
      show(at.history, push.problem ? null : push.history, (runs) => drawHistory(runs, shown()));
    },
    /** The run that the address names. */
    follow() {
      if (latest) drawOne();
    },
  };
}

/** The parts of the view, empty, by name. */
function frame(place, { to, prefix }) {
  const at = {};
  const part = (key, tag, props = {}, ...children) => {
    at[key] = h(tag, { id: `${prefix}-${key}`, ...props }, ...children);
    return at[key];
  };
  const checkbox = (key, text) => h("label", {}, part(key, "input", { type: "checkbox" }), ` ${text}`);
  const resync = checkbox("full", "Full resync: send every object again, changed or not");
  place.replaceChildren(
    part("state", "div", { class: "card" }, h("p", { class: "quiet loading" }, "Loading…")),
    part("form", "form", { class: "card", hidden: true },
      h("div", { class: "row" },
        part("button", "button", { type: "submit", class: "primary", "aria-describedby": `${prefix}-reason` }, to.press),
        part("reason", "p", { class: "reason", "aria-live": "polite" })),
      part("destination", "div"),
      part("silent", "div", { role: "status" }),
      part("options", "details", {},
        h("summary", {}, to.canResync ? "Choose models, dry run or full resync" : "Choose models, or a dry run"),
        h("fieldset", {}, h("legend", {}, "How"), checkbox("dry", "Dry run: plan and show, send nothing"), to.canResync ? resync : null),
        h("fieldset", {}, h("legend", {}, "Models ", h("span", { class: "quiet" }, "(none chosen: all)")), part("models", "div", { class: "checks" }))),
      part("answer", "p", { class: "notice", role: "status", hidden: true })),
    part("progress", "div"),
    part("held", "div", { class: "card" }),
    part("unknown", "div", { class: "card" }),
    part("run", "div", { class: "card" }),
    to.foldsHistory
      ? h("details", { class: "card" }, h("summary", {}, "Runs before"), part("history", "div"))
      : part("history", "div", { class: "card" }),
    part("receipts", "div", { class: "card" }));
  return at;
}

// Active or not, when last, how long, when next

function stateOf(push) {
  const { is_active, is_known, next_run_at, schedule, last_run, may, dag_id, problem, failed_before, goes_to } = push;
  // The words for how long ago change by themselves: part of what is shown.
  return { is_active, is_known, next_run_at, schedule, last_run, may, dag_id, problem, failed_before, connection: goes_to?.problem ?? null, ago: last_run && ago(last_run.finished_at) };
}

function drawState(state, { to, prefix, refresh }) {
  const last = state.last_run;
  const trouble = h("p", { id: `${prefix}-activate-answer`, class: "notice bad", role: "alert", hidden: true });
  const activate = async () => {
    trouble.hidden = true;
    try {
      await ask(`${to.path}active`, { method: "POST", body: { is_active: !state.is_active } });
      await refresh();
    } catch (problem) {
      trouble.textContent = problem.message;
      trouble.hidden = false;
    }
  };
  const status = state.connection ? "Not connected" : state.is_active ? "Active" : "Not active";
  return [
    h("div", { class: "row between" },
      h("h2", {}, to.heading),
      h("span", { class: "row" },
        airflowLink(`dags/${state.dag_id}`, "The DAG in Airflow"),
        state.is_known && state.may.edit ? h("button", { type: "button", "data-key": "activate", onclick: activate },
          state.is_active ? "Deactivate" : "Activate") : null)),
    state.problem ? words(state.problem, "bad") : null,
    h("dl", { class: "figures" },
      figure("Status", status, state.is_active ? null : "Nothing is pushed, on schedule or by hand"),
      figure("Last sync", last ? time(last.finished_at) : state.problem ? "–" : "Never", last ? state.ago : null),
      figure("Duration", last ? duration(last.seconds) : "–"),
      figure("Next sync", state.next_run_at ? time(state.next_run_at) : state.is_active ? "–" : "Not while inactive", state.schedule)),
    state.failed_before ? h("p", { class: "notice bad" },
      `The push of ${time(state.failed_before.since)} (`, name(state.failed_before.by), ") failed in Airflow before anything was sent. ",
      airflowLink(`dags/${state.dag_id}/runs/${encodeURIComponent(state.failed_before.dag_run_id)}`, "Its log says why"), ".") : null,
    trouble,
  ];
}

const figure = (title, value, more) => h("div", {}, h("dt", {}, title), h("dd", {}, value, more ? h("small", {}, more) : null));

// The run in progress

/** The run that is active; or the push that waits in Airflow, while the warehouse is built for it. */
function progressOf({ active_run, button, may, stops }) {
  if (active_run) return { ...active_run, may: may.push };
  const run = button.code === "queued" ? button.run : null;
  return run && { waits: true, dag_run_id: run.dag_run_id, stopped_by: stops?.[run.dag_run_id] ?? null, may: may.push };
}

function drawWaiting({ dag_run_id, stopped_by, may }, to, refresh) {
  if (stopped_by) return h("p", { class: "notice warn" }, name(stopped_by), " asked it to stop: the build goes on to its end, and nothing is sent.");
  return may ? h("div", { class: "card" }, twoStep("Stop this push", {
    key: "stop", warning: "The warehouse is built to the end; nothing is sent.", yes: "Stop it",
    act: async () => {
      await ask(`${to.path}stops`, { method: "POST", body: { dag_run_id } });
      await refresh();
    },
  })) : [];
}

function drawProgress(run, to, refresh) {
  if (!run) return [];
  const words_ = run.planned_at ? `${counted(run.totals.planned, "object")} to send` : `Comparing every model with what ${to.name} has acknowledged`;
  return h("div", { class: "card" },
    h("h2", {}, `A push is ${run.status}`),
    h("p", {}, `Since ${timeOfDay(run.started_at)} by `, name(run.requested_by), run.model ? `, now ${model(run.model)}` : "", `. ${words_}.`),
    h("progress", { "aria-label": "Share of the planned objects that have an outcome", max: 100, value: run.percent }),
    h("p", { class: "quiet" }, run.percent === null ? "" : `${run.percent}%`),
    (run.needs ?? []).map((line) => h("p", { class: "quiet" }, name(line))),
    run.cancel_requested_by
      ? h("p", { class: "notice warn" }, name(run.cancel_requested_by), ` asked it to stop at ${timeOfDay(run.cancel_requested_at)}: it ends within seconds.`)
      : run.may ? twoStep("Stop this push", {
        key: "cancel", warning: "It ends within seconds. What was sent stays sent; the rest goes with the next push.", yes: "Stop it",
        act: async () => {
          await ask(`${to.path}runs/${run.run_id}/cancel`, { method: "POST" });
          await refresh();
        },
      }) : null);
}
