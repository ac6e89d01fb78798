// The button of a push: whether it can be pressed and if not, why; the press; and how what it began has ended.

import { ask } from "./api.js";
import { airflowLink, show, words } from "./dom.js";
import { count, counted, STATUS, time, timeOfDay } from "./words.js";

/** `at`: the parts of the view. `wish` is what is asked for, `label` what the button says. */
export function pressing(at, { to, wish, label, refresh }) {
  let latest = null;
  // the run whose end is said: its number, or the id of the DAG run until it has one
  let watched = null;

  const nameIt = () => { at.button.textContent = label(); };
  const say = (kind, ...text) => {
    at.answer.className = `notice ${kind}`;
    at.answer.replaceChildren(...text);
    at.answer.hidden = false;
  };

  async function press() {
    if (!latest?.button.enabled) {
      say("warn", `Not pushed. ${reasonOf(latest?.button ?? {})}`);
      return;
    }
    const asked = wish();
    at.button.setAttribute("aria-disabled", "true");
    latest.button = { enabled: false, text: "Triggering…" };
    try {
      const done = await ask(`${to.path}push`, { method: "POST", body: asked });
      watched = done.dag_run_id;
      say("", "Triggered. It starts within seconds: ", airflowLink(`dags/${latest.dag_id}/runs/${encodeURIComponent(done.dag_run_id)}`, "follow it in Airflow"), ", or here.");
      for (const box of at.form.querySelectorAll("input:checked")) box.checked = false;
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

  at.form.addEventListener("submit", (event) => {
    event.preventDefault();
    press();
  });
  for (const box of [at.dry, at.full]) box.addEventListener("change", nameIt);

  return {
    draw(push) {
      latest = push;
      // Not `disabled`: it stays in reach of the keyboard, so that its reason is read out.
      at.button.setAttribute("aria-disabled", String(!push.button.enabled));
      nameIt();
      const reason = reasonOf(push.button);
      if (at.reason.textContent !== reason) at.reason.textContent = reason;
      show(at.silent, push.silent_processes, (silent) => silent.map(silentWords));
      noticeEnd(push);
    },
  };
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
