// The frame around the sections: theme, tabs, and asking again.

import { ask } from "./api.js";
import { by } from "./dom.js";
import { drawMetrics, startMetrics } from "./metrics.js";
import { drawPush, startPush } from "./push.js";
import { drawTracking, startTracking } from "./tracking.js";
import { drawUsage, startUsage } from "./usage.js";
import { askWhy, startWhy } from "./why.js";
import { zone } from "./words.js";

const SECTIONS = {
  push: { path: "push", draw: drawPush },
  tracking: { path: "tracking", draw: drawTracking },
  metrics: { path: "metrics", draw: drawMetrics },
  usage: { path: "usage", draw: drawUsage },
  // it is asked by its own form
  why: { path: null, draw: () => {} },
};
const QUIET = 20_000;
const WATCHING = 2_000;

let current = "push";
let timer;
let asked = 0;

followTheme();
by("zone").textContent = `Times in ${zone}`;
startTabs();
startPush(refresh);
startMetrics(refresh);
startTracking(refresh);
startUsage(refresh);
startWhy();
refresh();
document.addEventListener("visibilitychange", () => document.hidden || refresh());

/** Ask for the section that is shown, and for the mark; then again, sooner while a run is active. */
async function refresh() {
  clearTimeout(timer);
  const number = ++asked;
  let pause = QUIET;
  try {
    const section = SECTIONS[current];
    const [push, own] = await Promise.all([ask("push"), current === "push" || !section.path ? null : ask(section.path)]);
    // an answer that a later question overtook would draw what was
    if (number !== asked) return;
    mark(push);
    section.draw(own ?? push);
    if (push.active_run || push.button.code === "queued") pause = WATCHING;
    by("trouble").hidden = true;
  } catch (problem) {
    if (number !== asked) return;
    by("trouble").textContent = problem.message;
    by("trouble").hidden = false;
    if (problem.status === 401) return;
    pause = 5_000;
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, pause);
}

function mark(push) {
  const element = by("mark");
  const text = push.is_active ? "ON" : "OFF";
  if (element.textContent !== text) element.textContent = text;
  element.classList.toggle("on", push.is_active);
  element.title = push.is_active ? "Data push is active" : "OFF until data push is active";
}

function startTabs() {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const wanted = new URLSearchParams(location.search).get("section");
  const choose = (tab, focus) => {
    current = tab.id.slice("tab-".length);
    for (const each of tabs) {
      const isChosen = each === tab;
      each.setAttribute("aria-selected", String(isChosen));
      each.tabIndex = isChosen ? 0 : -1;
      by(each.getAttribute("aria-controls")).hidden = !isChosen;
    }
    if (focus) tab.focus();
  };
  tabs.forEach((tab, index) => {
    // pressed before this, it would do nothing
    tab.disabled = false;
    tab.addEventListener("click", () => { choose(tab); refresh(); });
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(tabs[(index + step + tabs.length) % tabs.length], true);
      refresh();
    });
  });
  if (wanted in SECTIONS) choose(by(`tab-${wanted}`));
  // any id on the page that is pressed
  document.addEventListener("why", (event) => {
    choose(by("tab-why"));
    askWhy(event.detail);
  });
}

/** Light or dark as Airflow's page around the frame is, and changes with it. */
function followTheme() {
  const browser = matchMedia("(prefers-color-scheme: dark)");
  let outer = null;
  try {
    if (window.parent !== window) outer = window.parent.document.documentElement;
  } catch {
    // framed by another origin: the browser's preference stands
  }
  const apply = () => {
    const of = outer?.dataset.theme || ["dark", "light"].find((each) => outer?.classList.contains(each));
    document.documentElement.dataset.theme = of ?? (browser.matches ? "dark" : "light");
  };
  apply();
  browser.addEventListener("change", apply);
  if (outer) new MutationObserver(apply).observe(outer, { attributes: true, attributeFilter: ["class", "data-theme"] });
}
