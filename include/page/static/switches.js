// The switches of sections 1 and 2, of alerts and of pushed models: what they stand at, since when, and turning them.

import { ask } from "./api.js";
import { h, name, twoStep } from "./dom.js";
import { time } from "./words.js";

const WORDS = {
  user_tracking: {
    title: "User tracking",
    off: "Identify and track calls received while it is off are kept, but never become endusers or usage, not even after it is on again.",
  },
  company_metrics: {
    title: "Company metrics",
    off: "Group calls received while it is off are kept, but never become metrics, not even after it is on again.",
  },
  auto_create: {
    title: "Auto-create endusers",
    off: "Calls received while it is off create no enduser. Those created before stay.",
  },
  enduser_alerts: {
    title: "Alerts of endusers",
    off: "From the next build on, no alert is raised for an enduser; those that are open close.",
    on: "From the next build on, endusers raise alerts too: there may be many.",
  },
  forget_delete_calls: {
    title: "Delete calls forget people",
    off: "Delete calls are listed, and forget nobody until somebody says so. Who was forgotten stays so.",
    on: "Whoever has a write key can then have people forgotten: each delete call that is received from now on forgets the person of its user id, within the hour.",
  },
};

// A model of the push to Segment.
const wordsOf = (key) => WORDS[key] ?? {
  title: `The model ${key.replace(/^push_/, "")}`,
  off: "From the next push on it is not sent. What was sent stays in Segment as it is.",
  on: "The next push sends its rows. A dry run says first how many they are, and what a model that changes daily costs in calls a month.",
};

// They can count from a past day on; the others are as they were when a call came.
const SECTIONS = ["user_tracking", "company_metrics"];

/** One figure: on or off, and a button for who may turn it. */
export function drawSwitch(key, found, may, refresh) {
  const { title, off, on = "Calls received from now on count; those received while it was off do not." } = wordsOf(key);
  const isSection = SECTIONS.includes(key);
  const turn = async (isOn, since = null) => {
    await ask("switches", { method: "POST", body: { switch: key, is_on: isOn, ...(since ? { since } : {}) } });
    await refresh();
  };
  const since = found.since ? h("small", {}, `since ${time(found.since)} by `, name(found.changed_by)) : null;
  const field = dayField(key, "Count calls received from this day on (UTC); empty: from now on");
  const earlier = dayField(`${key}-earlier`, "Count calls received from this day on (UTC)");
  return h("div", {},
    h("dt", {}, title),
    h("dd", {}, found.is_on ? "On" : "Off", since,
      may ? twoStep(found.is_on ? "Switch off" : "Switch on", {
        key: `switch-${key}`, label: `${title}: switch ${found.is_on ? "off" : "on"}`,
        warning: found.is_on ? off : isSection ? [on, field.label] : on,
        yes: found.is_on ? "Switch off" : "Switch on",
        act: () => turn(!found.is_on, field.input.value),
      }) : null,
      may && isSection && found.is_on && found.since ? twoStep("From an earlier day on", {
        key: `earlier-${key}`, label: `${title}: count from an earlier day on`,
        warning: ["It then counts as if it had been on since that day.", earlier.label],
        yes: "Count from that day on",
        act: () => {
          if (!earlier.input.value) throw new Error("Choose a day.");
          return turn(true, earlier.input.value);
        },
      }) : null));
}

function dayField(key, text) {
  const input = h("input", { type: "date", id: `since-${key}`, max: new Date().toISOString().slice(0, 10) });
  return { input, label: h("label", { class: "row" }, text, input) };
}
