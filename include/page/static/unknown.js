// What was sent to Planhat without an answer, where a repeat may count twice: a person looks, and says what they found.

import { ask } from "./api.js";
import { h, listed, name, object, opener, show, table, twoStep, words } from "./dom.js";
import { payloadColumn, payloadNote } from "./run.js";
import { count, model, ofModel, queryOf, time } from "./words.js";

const ANSWERS = {
  arrived: ["It arrived", "They are there", "Counted as sent: nothing of it goes again. What Planhat has otherwise stays as it is there."],
  again: ["Send again", "Send them again", "The next push sends them again. What has arrived all the same counts twice."],
};

/** `unknown`: `{model: objects}`; those that are shown here. */
export function drawUnknown(target, { unknown, may }, { to, shows, refresh }) {
  const rows = Object.entries(unknown ?? {}).filter(([each]) => shows(each)).map(([name_, objects]) => ({ model: name_, objects }));
  show(target, { rows, may: may?.push }, () => (rows.length ? draw(rows, may.push, to, refresh) : []));
}

function draw(rows, mayAnswer, to, refresh) {
  return [
    h("h2", {}, "Nobody knows whether it arrived"),
    words(`It was sent, and the answer was lost, or ${to.name} has something else. Sent again it might count twice, so it waits. Look in ${to.name}, then say what you found. A metric that adds up is read back by itself with each push.`),
    table({
      caption: "Objects of unknown outcome",
      columns: [
        { title: "Model", cell: (row) => model(row.model) },
        { title: "Objects", number: true, strong: true, cell: (row) => opener(count(row.objects), { key: `unknown-${row.model}`, kind: "figure", label: `${count(row.objects)} of ${model(row.model)} of unknown outcome: show them`, fill: (cell) => objects(row, mayAnswer, to, refresh, cell) }) },
        { title: "Answer for all of them", cell: (row) => (mayAnswer ? answers({ model: row.model, looked_at: row.objects }, `all of ${model(row.model)}`, to, refresh) : "by whom Airflow lets trigger the push") },
      ],
      rows,
    }),
  ];
}

function objects(row, mayAnswer, to, refresh, cell) {
  return listed({
    ask: (offset) => ask(`${to.path}unknown?${queryOf({ model: row.model, offset })}`),
    caption: `Objects of ${ofModel(row.model)} of unknown outcome`,
    none: "None is left.",
    columns: ({ with_payload }) => [
      { title: "Object", cell: object },
      { title: "Sent", cell: (each) => time(each.sent_at) },
      { title: `${to.name} has`, cell: (each) => (each.stored_otherwise ? name(JSON.stringify(each.stored_otherwise)) : "unknown") },
      ...payloadColumn(with_payload),
      ...(mayAnswer ? [{ title: "Answer", cell: (each) => answers({ model: row.model, object_id: each.object_id, looked_at: 1 }, each.object_id, to, refresh) }] : []),
    ],
    after: payloadNote,
  }, cell);
}

const answers = (of, said, to, refresh) => h("span", { class: "row" }, Object.entries(ANSWERS).map(([answer, [text, yes, warning]]) =>
  twoStep(text, {
    key: `unknown-${of.model}-${of.object_id ?? "all"}-${answer}`, label: `${text}: ${said}`, warning, yes,
    act: async () => {
      await ask(`${to.path}unknown`, { method: "POST", body: { ...of, answer } });
      await refresh();
    },
  })));
