// Why: the story of one id, in order. The words are the server's, the same as on a terminal.

import { put, section, value } from "./address.js";
import { ask } from "./api.js";
import { by, h, inPlanhat, name, whyLink, words } from "./dom.js";
import { time, zone } from "./words.js";

const STATES = { done: ["✓", "done"], missing: ["✗", "missing"], waiting: ["…", "not yet"] };

let asked = 0;

export function startWhy() {
  by("why-form").addEventListener("submit", (event) => {
    event.preventDefault();
    openWhy(by("why-id").value);
  });
  if (section() === "why") followWhy();
}

/** An id's story, and the way to it: not of an e-mail, since addresses are kept and sent. */
export function openWhy(id, { replace = false } = {}) {
  put({ id: id.includes("@") ? null : id }, { replace });
  askWhy(id);
}

/** The story that the address names. */
export function followWhy() {
  if (value("id")) askWhy(value("id"));
}

/** Ask for an id's story and show it; the newest question wins. */
async function askWhy(id) {
  const number = ++asked;
  by("why-id").value = id;
  by("why-said").textContent = "Looking…";
  const target = by("why-story");
  try {
    const story = await ask("why", { method: "POST", body: { id } });
    if (number !== asked) return;
    target.replaceChildren(...(story.problem ? [words(story.problem, "bad")] : draw(story)));
    by("why-said").textContent = story.problem ? "" : said(story);
  } catch (problem) {
    if (number !== asked) return;
    target.replaceChildren(words(problem.message, "bad"));
    by("why-said").textContent = "";
  }
}

const said = ({ chapters }) =>
  !chapters.length ? "Not found." : `Found: ${chapters.length === 1 ? "one thing" : `${chapters.length} things`} of this id.`;

function draw({ chapters, hint, with_persons }) {
  return [
    ...chapters.map((chapter) => h("section", { class: "card", "aria-label": chapter.title },
      h("h3", {}, name(chapter.title), inPlanhat(chapter)),
      h("ol", { class: "story" }, chapter.steps.map(step)))),
    hint ? h("div", { class: "card" }, words(hint)) : null,
    chapters.length && !with_persons ? h("p", { class: "quiet" }, "Payloads, and names and keys of people, are shown to those who may edit the DAG.") : null,
  ].filter(Boolean);
}

/** Moments, which the server tells in UTC, in the reader's zone, named. */
const inZone = (text) =>
  text.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g, (_, day, clock) => `${time(`${day}T${clock}Z`)} ${zone}`);

function step({ name: title, text, state, more, refs, payload }) {
  const [mark, spoken] = STATES[state];
  return h("li", { class: state },
    h("span", { class: "step-mark", "aria-hidden": "true" }, mark),
    h("div", {},
      h("strong", {}, title), h("span", { class: "said" }, ` (${spoken})`),
      h("p", {}, name(inZone(text))),
      more.map((each) => h("p", { class: "quiet" }, name(inZone(each)))),
      refs.length ? h("p", { class: "row refs" }, refs.map((each) => whyLink(each))) : null,
      payload ? h("details", {}, h("summary", {}, "Payload"), h("pre", {}, typeof payload === "string" ? payload : JSON.stringify(payload, null, 2))) : null));
}
