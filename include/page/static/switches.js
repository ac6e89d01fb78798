// The switches of sections 1 and 2, and of alerts: what they stand at, since when, and turning them.

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
};

/** One figure: on or off, and a button for who may turn it. */
export function drawSwitch(key, found, may, refresh) {
  const { title, off, on = "Calls received from now on count; those received while it was off do not." } = WORDS[key];
  const turn = async (isOn) => {
    await ask("switches", { method: "POST", body: { switch: key, is_on: isOn } });
    await refresh();
  };
  const since = found.since ? h("small", {}, `since ${time(found.since)} by `, name(found.changed_by)) : null;
  return h("div", {},
    h("dt", {}, title),
    h("dd", {}, found.is_on ? "On" : "Off", since,
      may ? twoStep(found.is_on ? "Switch off" : "Switch on", {
        key: `switch-${key}`, label: `${title}: switch ${found.is_on ? "off" : "on"}`,
        warning: found.is_on ? off : on,
        yes: found.is_on ? "Switch off" : "Switch on",
        act: () => turn(!found.is_on),
      }) : null));
}
