// Plans that a guard holds: why, what would change, and answering for them.

import { ask } from "./api.js";
import { h, listed, name, object, opener, show, table, twoStep, words } from "./dom.js";
import { count, model, modelColumn, ofModel, queryOf } from "./words.js";

const ANSWERS = {
  all: ["Approve", "Send all of it", "The next push sends the whole plan, if it is still the same."],
  safe: ["Send the safe part", "Send the safe part", "The next push sends what the guard does not object to, and holds the rest."],
  none: ["Refuse", "Send nothing of it", "The next push sends nothing of this plan. A plan that has changed asks again."],
};
const SAID = { all: "send all of it", safe: "send the safe part", none: "send nothing of it" };

/** Ask for held plans when the last run held something of what is shown here; else show nothing. */
export async function drawHeld(target, push, { to, shows, refresh }) {
  if (!push.last_run?.models.some((each) => each.held && shows(each.model))) return show(target, null, () => []);
  try {
    const found = await ask(`${to.path}held`);
    const plans = found.plans?.filter((plan) => shows(plan.model));
    show(target, { ...found, plans, may: push.may }, (held) => draw(held, to, refresh));
  } catch (problem) {
    show(target, problem.message, (message) => words(message, "bad"));
  }
}

function draw({ plans, problem, may }, to, refresh) {
  if (problem) return words(problem, "bad");
  if (!plans.length) return [];
  return [
    h("h2", {}, "Held: larger than usual, so nobody has sent it"),
    table({
      caption: "Plans that wait for an answer",
      columns: [
        { title: "Model", cell: (plan) => opener(model(plan.model), { key: `held-${plan.model}`, label: `${model(plan.model)}: what would change`, fill: (cell) => planned(to, plan.run_id, plan.model, null, cell) }) },
        { title: "Why", cell: (plan) => name(plan.reason) },
        { title: "Added", number: true, cell: (plan) => number(to, plan, "added") },
        { title: "Changed", number: true, cell: (plan) => number(to, plan, "changed") },
        { title: "Removed", number: true, cell: (plan) => number(to, plan, "removed") },
        { title: "Answer", cell: (plan) => answerCell(plan, may.push, to, refresh) },
      ],
      rows: plans,
    }),
  ];
}

function number(to, plan, action) {
  if (!plan[action]) return count(0);
  return opener(count(plan[action]), {
    key: `held-${plan.model}-${action}`, kind: "figure", label: `${count(plan[action])} ${action} of ${model(plan.model)}, held: show them`,
    fill: (cell) => planned(to, plan.run_id, plan.model, action, cell),
  });
}

function answerCell(plan, mayAnswer, to, refresh) {
  const given = plan.answer ? h("p", {}, name(plan.answered_by), ` said: ${SAID[plan.answer]}. The next push acts on it.`) : null;
  if (!mayAnswer) return given ?? "none yet";
  return [given, h("span", { class: "row" }, Object.entries(ANSWERS).filter(([answer]) => answer !== plan.answer).map(([answer, [text, yes, warning]]) =>
    twoStep(text, {
      key: `answer-${plan.model}-${answer}`, label: `${text}: ${model(plan.model)}`, warning, yes,
      act: async () => {
        await ask(`${to.path}held`, { method: "POST", body: { model: plan.model, fingerprint: plan.plan_fingerprint, answer } });
        await refresh();
      },
    })))];
}

const OUTCOMES = { acknowledged: "acknowledged", refused: "refused" };

/** What a run planned, object by object; of one model or all (null), of one action or all (null). */
export function planned(to, runId, modelName, action, cell) {
  return listed({
    ask: (offset) => ask(`planned/${runId}?${queryOf({ model: modelName, action, offset })}`),
    caption: `What the run planned of ${ofModel(modelName)}`,
    none: "Not kept any more: a later run has planned anew.",
    columns: ({ with_values }) => [
      { title: "Object", cell: object },
      ...modelColumn(modelName),
      { title: "Planned as", cell: (row) => row.action },
      { title: to.name, cell: (row) => OUTCOMES[row.outcome] ?? "not sent (yet)" },
      { title: with_values ? "Fields: before → after" : "Fields", cell: (row) => fields(to, row, with_values) },
    ],
    after: ({ with_values }) => (with_values ? null : h("p", { class: "quiet" }, "Values hold personal data: they are shown to those who may edit the DAG.")),
  }, cell);
}

const text = (value) => (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

function fields(to, row, withValues) {
  const names = Object.keys(row.fields);
  if (row.action === "removed") return "removed from Planhat";
  if (!names.length) return `as ${to.name} has it`;
  if (!withValues) return name(names.join(", "));
  return h("ul", { class: "fields" }, names.map((each) => h("li", {}, name(each), ": ", name(text(row.fields[each][0])), " → ", name(text(row.fields[each][1])))));
}
