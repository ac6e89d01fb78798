// Where the next push goes, what it would say before it sends, a full resync that would go on, and new rules that wait.

import { ask } from "./api.js";
import { h, name, show, twoStep, words } from "./dom.js";
import { drawSwitch } from "./switches.js";

export function drawDestination(target, push, refresh) {
  show(target, { ...push.goes_to, may: push.may.push, edit: push.may.edit, switches: push.switches ?? {}, is_running: Boolean(push.active_run) }, (goes) => {
    if (goes.problem) return words(goes.problem, "bad");
    if (!goes.name) return [];
    return [
      h("p", {}, "Goes to ", h("strong", {}, name(goes.name)), "."),
      goes.remarks.map((remark) => h("p", { class: "notice warn" }, name(remark))),
      goes.rules.length ? newRules(goes, refresh) : null,
      models(goes, refresh),
      goes.resync.length && goes.may && !goes.is_running ? takeBack(refresh) : null,
    ];
  });
}

const models = ({ switches, edit }, refresh) => {
  const turned = Object.entries(switches);
  return turned.length ? h("dl", { class: "figures" }, turned.map(([key, found]) => drawSwitch(key, found, edit, refresh))) : null;
};

const newRules = ({ rules, edit }, refresh) => h("div", { class: "notice warn" },
  rules.map((line) => h("p", {}, name(line.trim()))),
  edit ? twoStep("Accept the new rules", {
    key: "rules-accept", yes: "Accept them",
    warning: "The next build follows them: history moves as said above, and the next push sends what differs.",
    act: async () => {
      await ask("rules/accept", { method: "POST" });
      await refresh();
    },
  }) : null);

const takeBack = (refresh) => twoStep("Take the full resync back", {
  key: "resync-back", yes: "Take it back",
  warning: "What it has not come to is sent when it changes, and not before.",
  act: async () => {
    await ask("resync/back", { method: "POST" });
    await refresh();
  },
});
