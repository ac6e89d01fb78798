// What is shown and what is open, in the address: a reload, the way back and a link that was sent lead there again.
//
// It stands in the fragment, which no server is told and no log keeps. In Airflow's frame it is Airflow's own address
// that people see, go back in and send: that gets the same fragment, and the frame's is kept equal to it.

const SECTIONS = ["push", "tracking", "metrics", "usage", "why"];

const outer = (() => {
  try {
    return window.parent !== window && window.parent.location.href ? window.parent : null;
  } catch {
    return null; // framed by another origin
  }
})();

// of the section that is shown: {section, open: [keys], run, company …}
let state = read();
// of the others, for when somebody comes back to their tab
const left = {};
const listeners = [];

write(true);
for (const each of [window, outer]) {
  each?.addEventListener("popstate", follow);
  each?.addEventListener("hashchange", follow);
}
window.addEventListener("pagehide", () => {
  outer?.removeEventListener("popstate", follow);
  outer?.removeEventListener("hashchange", follow);
});

export const section = () => state.section;
export const value = (name) => state[name] ?? null;
export const isOpen = (key) => state.open.includes(key);

/** Change what is shown of this section (null: no more); with `replace` it is no step to go back from. */
export function put(changes, { replace = false } = {}) {
  state = clean({ ...state, ...changes });
  write(replace);
}

/** One thing is open now or no more; `instead`: another that closed for it. */
export function setOpen(key, isNow, instead = null) {
  if (isOpen(key) === isNow && !instead) return;
  put({ open: [...state.open.filter((each) => each !== key && each !== instead), ...(isNow ? [key] : [])] });
}

/** To another section, as it was left. */
export function go(to) {
  if (to === state.section) return;
  left[state.section] = state;
  state = left[to] ?? { section: to, open: [] };
  write(false);
}

/** Call `listener` when somebody went back or forward, or changed the address. */
export const whenFollowed = (listener) => listeners.push(listener);

function read() {
  const own = new URLSearchParams(location.hash.slice(1));
  const around = new URLSearchParams(outer?.location.hash.slice(1));
  const found = [around, own].find((each) => SECTIONS.includes(each.get("section"))) ?? asked();
  const { section: shown, open, ...rest } = Object.fromEntries(found);
  return clean({ ...rest, section: SECTIONS.includes(shown) ? shown : "push", open: found.getAll("open") });
}

/** Of a link from elsewhere: `?section=`, `?company=`, `?run=`, and Airflow's own `?dag_run=`. */
function asked() {
  const own = new URLSearchParams(location.search);
  const around = new URLSearchParams(outer?.location.search);
  const of = (name) => own.get(name) ?? around.get(name);
  const found = new URLSearchParams();
  const wanted = { section: of("section"), company: of("company"), run: of("run") ?? own.get("dag_run") };
  for (const [name, text] of Object.entries(wanted)) if (text) found.set(name, text);
  return found;
}

function clean(of) {
  return Object.fromEntries(Object.entries(of).filter(([, each]) => each !== null && each !== undefined && each !== ""));
}

function fragment() {
  const { open, ...rest } = state;
  const words = new URLSearchParams(rest);
  for (const key of open) words.append("open", key);
  return `#${words}`;
}

function write(replace) {
  const to = fragment();
  const of = (place) => place.location.pathname + place.location.search + to;
  if (outer && outer.location.hash !== to) {
    // Airflow's router counts its steps in the state, and must find itself there on the way back
    const kept = outer.history.state;
    if (replace) outer.history.replaceState(kept, "", of(outer));
    else outer.history.pushState({ ...kept, idx: (kept?.idx ?? 0) + 1, key: Math.random().toString(36).slice(2, 10) }, "", of(outer));
  }
  if (location.hash === to) return;
  if (outer || replace) history.replaceState(history.state, "", of(window));
  else history.pushState(null, "", of(window));
}

function follow() {
  const before = fragment();
  state = read();
  if (fragment() === before) return;
  write(true);
  for (const each of listeners) each();
}
