// The frame around the sections: theme, tabs, and asking again.

import { go, section as shown, whenFollowed } from "./address.js";
import { ask } from "./api.js";
import { airflowLink, by, followAddress } from "./dom.js";
import { drawForgetting, startForgetting } from "./forgetting.js";
import { startIdentity } from "./identity.js";
import { PLANHAT, SEGMENT } from "./destinations.js";
import { drawMetrics, startMetrics } from "./metrics.js";
import { pushView } from "./push.js";
import { drawTracking, startTracking } from "./tracking.js";
import { drawUsage, followUsage, startUsage } from "./usage.js";
import { followWhy, openWhy, startWhy } from "./why.js";
import { zone } from "./words.js";

const toSegment = pushView(by("panel-push"), { to: SEGMENT, prefix: "push", refresh });
// what goes to Planhat is shown with what it is made of
const people = pushView(by("tracking-sent"), { to: PLANHAT, prefix: "sent-people", calls: ["enduser", "activity"], refresh });
const metrics = pushView(by("metrics-sent"), { to: PLANHAT, prefix: "sent-metrics", calls: ["metric"], refresh });

const SECTIONS = {
  push: { path: "push", draw: toSegment.draw, follow: toSegment.follow },
  tracking: { path: "tracking", draw: drawTracking, more: { path: "forgetting", draw: drawForgetting }, sent: people, follow: people.follow },
  metrics: { path: "metrics", draw: drawMetrics, sent: metrics, follow: metrics.follow },
  usage: { path: "usage", draw: drawUsage, follow: followUsage },
  // it is asked by its own form
  why: { path: null, draw: () => {}, follow: followWhy },
};
// Milliseconds until it asks again; and after which it says that it still waits.
const QUIET = 10_000;
const WATCHING = 2_000;
const SLOW = 4_000;

let timer;
let asked = 0;

followTheme();
by("zone").textContent = `Times in ${zone}`;
startTabs();
startMetrics(refresh);
startTracking(refresh);
startIdentity(refresh);
startForgetting(refresh);
startUsage(refresh);
startWhy();
refresh();
document.addEventListener("visibilitychange", () => document.hidden || refresh());

/** Ask for the section that is shown, and for the mark; then again, sooner while a run is active. */
async function refresh() {
  clearTimeout(timer);
  const number = ++asked;
  let pause = QUIET;
  const slow = setTimeout(() => number === asked && trouble("No answer for some seconds: Airflow or its database is away, or slow. This page keeps trying."), SLOW);
  try {
    const section = SECTIONS[shown()];
    const [push, own, more, sent] = await Promise.all([
      ask("push"),
      section.path === "push" || !section.path ? null : ask(section.path),
      section.more ? ask(section.more.path) : null,
      section.sent ? ask(`${PLANHAT.path}push`).catch(refusal) : null,
    ]);
    // an answer that a later question overtook would draw what was
    if (number !== asked) return;
    mark(push);
    section.draw(own ?? push);
    if (more) section.more.draw(more);
    if (sent) section.sent.draw(sent);
    if (more?.under_way?.length || [push, sent].some((each) => each?.active_run || each?.button?.code === "queued")) pause = WATCHING;
    by("trouble").hidden = true;
  } catch (problem) {
    if (number !== asked) return;
    trouble(problem.message, problem.status === 401 ? signIn() : "");
    unread();
    if (problem.status === 401) return;
    pause = 5_000;
  } finally {
    clearTimeout(slow);
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, pause);
}

/** Who may read the page may perhaps not read that DAG: one part says so. */
function refusal(problem) {
  if (problem.status !== 403 && problem.status !== 404) throw problem;
  return { refused: problem.message };
}

function trouble(...text) {
  if (by("trouble").textContent !== text.join("")) by("trouble").replaceChildren(...text);
  by("trouble").hidden = false;
}

function signIn() {
  const { pathname, search, hash } = (window.parent === window ? window : window.parent).location;
  const link = airflowLink(`api/v2/auth/login?next=${encodeURIComponent(pathname + search + hash)}`, "sign in again");
  link.prepend(" ");
  return link;
}

/** What was never read does not load for ever: the reason stands above it. */
function unread() {
  for (const each of document.querySelectorAll(".loading")) each.textContent = "Not read yet.";
  if (by("mark").textContent === "Loading…") by("mark").textContent = "Unknown";
}

function mark(push) {
  const element = by("mark");
  const text = push.is_active ? "ON" : "OFF";
  if (element.textContent !== text) element.textContent = text;
  element.classList.toggle("on", push.is_active);
  element.title = push.is_active ? "Data push is active" : "OFF until data push is active";
  by("version").textContent = push.version;
}

function startTabs() {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const choose = (tab, focus) => {
    for (const each of tabs) {
      const isChosen = each === tab;
      each.setAttribute("aria-selected", String(isChosen));
      each.tabIndex = isChosen ? 0 : -1;
      by(each.getAttribute("aria-controls")).hidden = !isChosen;
    }
    if (focus) tab.focus();
  };
  const press = (tab, focus) => {
    go(tab.id.slice("tab-".length));
    choose(tab, focus);
    refresh();
  };
  tabs.forEach((tab, index) => {
    // pressed before this, it would do nothing
    tab.disabled = false;
    tab.addEventListener("click", () => press(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      press(tabs[(index + step + tabs.length) % tabs.length], true);
    });
  });
  choose(by(`tab-${shown()}`));
  whenFollowed(() => {
    choose(by(`tab-${shown()}`));
    SECTIONS[shown()].follow?.();
    followAddress();
    refresh();
  });
  // any id on the page that is pressed
  document.addEventListener("why", (event) => {
    const isThere = shown() === "why";
    go("why");
    choose(by("tab-why"));
    // one step to go back from, not two
    openWhy(event.detail, { replace: !isThere });
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
