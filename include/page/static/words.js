// Numbers, times and states as people read them.

/** The zone chosen in Airflow's own menu, else the browser's. */
export const zone = (() => {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  try {
    const stored = localStorage.getItem("timezone");
    const chosen = stored && stored.startsWith('"') ? JSON.parse(stored) : stored;
    if (!chosen || chosen === "local") return own;
    new Intl.DateTimeFormat("en", { timeZone: chosen });
    return chosen;
  } catch {
    return own;
  }
})();

const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
const hours = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** 2026-03-02 13:00:00 in `zone`; a dash for no time. */
export const time = (moment) => (moment ? clock.format(new Date(moment)) : "–");
export const timeOfDay = (moment) => hours.format(new Date(moment));

/** "3 hours ago", "in 5 minutes". */
export function ago(moment) {
  const seconds = (new Date(moment) - Date.now()) / 1000;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 0 ? "in less than a minute" : "less than a minute ago";
}

export const count = (number) => Number(number ?? 0).toLocaleString("en");

/** 1 → "1 error", 1200 → "1,200 errors". */
export const counted = (number, noun) => `${count(number)} ${noun}${Number(number ?? 0) === 1 ? "" : "s"}`;

/** 0.39 → "+39%"; a dash where there was nothing before. */
export const change = (value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : ""}${Math.round(value * 100)}%`);

/** 95 → "1 min 35 s". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `enduser` → "Enduser", `nps` → "NPS", `line_item` → "Line item". */
export function model(text) {
  if (text.length <= 3) return text.toUpperCase();
  return text[0].toUpperCase() + text.slice(1).replaceAll("_", " ");
}

/** Of one model, or of all where there is none. */
export const ofModel = (text) => (text ? model(text) : "all models");

/** The column that names the model where a list is of all. */
export const modelColumn = (text) => (text ? [] : [{ title: "Model", cell: (row) => model(row.model) }]);

/** A query without what is not asked for. */
export const queryOf = (wanted) => new URLSearchParams(Object.entries(wanted).filter(([, each]) => each !== null));

export const STATUS = {
  queued: ["Queued", ""],
  running: ["Running", ""],
  success: ["Success", "good"],
  partial: ["Partial", "warn"],
  failed: ["Failed", "bad"],
  timed_out: ["Timed out", "bad"],
  cancelled: ["Cancelled", "warn"],
  held: ["Held", "warn"],
  dry_run: ["Dry run", ""],
};
