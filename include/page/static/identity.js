// Settings of identity: what is blocked, excluded and an alias, how long links hold; and proposals of aliases.

import { ask } from "./api.js";
import { attempt, by, h, name, show, table, twoStep, whyLink, words } from "./dom.js";
import { count, counted, time } from "./words.js";

const KEYS = { all: "any key", user_id: "user id", email: "e-mail", anonymous_id: "anonymous id", company: "company", object: "object" };

// so many rows of each the server tells
const ROWS_SHOWN = 200;

let refresh = () => {};
let proposed = null;

export function startIdentity(again) {
  refresh = again;
  onSubmit("block", () => save("blocked", { kind: by("block-kind").value, value: by("block-value").value, key: by("block-key").value }), ["block-value"]);
  onSubmit("exclude", () => save("excluded", { kind: by("exclude-kind").value, value: by("exclude-value").value }), ["exclude-value"]);
  onSubmit("suppress", suppress, ["suppress-value", "suppress-reason"]);
  onSubmit("alias", () => save("aliases", { alias: by("alias-key").value, company: by("alias-company").value }), ["alias-key", "alias-company"]);
  onSubmit("links", () => save("links", { days: days() }), ["links-days"]);
}

function onSubmit(form, act, fields) {
  by(`${form}-form`).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      await act();
      for (const each of fields) by(each).value = "";
      by(fields[0]).focus();
    }, by(`${form}-problem`));
  });
}

function days() {
  const text = by("links-days").value.trim();
  const number = Number(text);
  if (Number.isNaN(number)) throw new Error("Type a number of days, or nothing.");
  return text === "" ? null : number;
}

async function save(path, body) {
  await ask(path, { method: "POST", body });
  by("identity-said").textContent = "Saved. It counts from the next build on.";
  await refresh();
}

async function suppress() {
  const done = await ask(by("suppress-what").value, { method: "POST", body: { id: by("suppress-value").value, reason: by("suppress-reason").value } });
  by("identity-said").textContent = `${done.said} Collectors know it within 5 seconds.`;
  await refresh();
}

/** How many are suppressed: the list names nobody. */
export function drawSuppressed(suppressed, may) {
  by("suppress-form").hidden = !may.edit || Boolean(suppressed.problem);
  show(by("identity-suppressed"), { suppressed }, () => {
    if (suppressed.problem) return words(suppressed.problem, "bad");
    if (!suppressed.suppressed && !suppressed.lifted) return words("Nobody is suppressed.");
    return h("p", {}, `${counted(suppressed.suppressed, "key")} suppressed, ${count(suppressed.lifted)} no more; last written `, time(suppressed.last_at), " by ", name(suppressed.last_by), ". The list holds hashes and names nobody.");
  });
}

/** What is left out of calls, and what that did: rules are written by `make field-rules`. */
export function drawFieldRules(rules) {
  show(by("field-rules"), { rules }, () => {
    if (rules.problem) return words(rules.problem, "bad");
    if (!rules.rules.length) return words("There are none: calls are stored as they come. make field-rules sets them.");
    return [
      table({
        caption: "Field rules, in force and lifted",
        columns: [
          { title: "Rule", number: true, cell: (each) => count(each.rule_id) },
          { title: "What", wide: true, cell: (each) => each.words },
          { title: "Calls in 30 days", number: true, cell: (each) => count(each.calls) },
          { title: "Since", cell: (each) => [time(each.valid_from), " by ", name(each.changed_by)] },
          { title: "Lifted", cell: (each) => each.lifted_at ? [time(each.lifted_at), " by ", name(each.lifted_by)] : "" },
        ],
        rows: rules.rules,
      }),
      rules.withheld ? words(`Of ${counted(rules.withheld, "call")} in 30 days no text was kept: they cannot be read.`) : null,
    ];
  });
}

/** The form, with a key in it that calls name. */
export function fillAlias(key) {
  by("alias-key").value = key;
  by("alias-company").focus();
  by("alias-company").scrollIntoView({ block: "center" });
}

export function drawIdentity(identity, may) {
  by("tracking-identity").hidden = Boolean(identity.problem);
  if (identity.problem) return;
  for (const form of ["block", "exclude", "alias", "links"]) by(`${form}-form`).hidden = !may.edit;
  show(by("identity-blocked"), { rows: identity.blocked, may }, drawBlocked);
  show(by("identity-excluded"), { rows: identity.excluded, may }, drawExcluded);
  show(by("identity-aliases"), { rows: identity.aliases, may }, drawAliases);
  show(by("identity-links"), identity.links, ({ days: held, ...row }) =>
    h("p", {}, held === null ? "Links never expire." : `A link holds ${counted(held, "day")}.`, row.changed_by === "default" ? null : [" ", h("span", { class: "quiet" }, since(row))]));
}

const since = (row) => [time(row.valid_from), " by ", name(row.changed_by)];

function drawBlocked({ rows, may }) {
  if (!rows.length) return words("Nothing is blocked beside what never identifies anyone, such as null or -1.");
  return settings({
    caption: "Blocked identities", rows, may,
    columns: [
      { title: "Blocked", cell: (row) => name(row.shown) },
      { title: "Is a", cell: (row) => row.kind },
      { title: "As", cell: (row) => KEYS[row.key] ?? row.key },
    ],
    back: ({ kind, value, key }) => ["blocked/delete", { kind, value, key }, "Calls that carry it identify again."],
  });
}

function drawExcluded({ rows, may }) {
  if (!rows.length) return words("Nobody is excluded.");
  return settings({
    caption: "Excluded people", rows, may,
    columns: [
      { title: "Excluded", cell: (row) => name(row.shown) },
      { title: "Is", cell: (row) => (row.kind === "email" ? "an e-mail" : "a domain") },
    ],
    back: ({ kind, value }) => ["excluded/delete", { kind, value }, "Their calls count again."],
  });
}

function drawAliases({ rows, may }) {
  if (!rows.length) return words("No alias is set.");
  return settings({
    caption: "Aliases of companies", rows, may,
    columns: [
      { title: "Calls that name", cell: (row) => whyLink(row.alias, row.shown) },
      { title: "Are about", cell: (row) => [whyLink(row.planhat_id, row.company ?? row.planhat_id), row.company === null ? " (not in Planhat any more: without effect)" : null] },
    ],
    back: ({ alias }) => ["aliases/delete", { alias }, "Calls that name it are no longer about that company."],
  });
}

/** A table of what is set, each with who and since when, and a way to take it back. */
function settings({ caption, columns, rows, may, back }) {
  const takeBack = (row) => {
    const [path, body, warning] = back(row);
    return twoStep("Take back", {
      key: `${path}-${JSON.stringify(body)}`, label: `Take back ${row.shown}`, warning, yes: "Take it back",
      act: () => save(path, body),
    });
  };
  return [
    table({
      caption,
      columns: [
        ...columns,
        { title: "Since", cell: since },
        ...(may.edit ? [{ title: "Change", cell: takeBack }] : []),
      ],
      rows,
    }),
    rows.length < ROWS_SHOWN ? null : words(`The first ${count(ROWS_SHOWN)}; the command lists all.`),
  ];
}

// Companies that look like one

/** Ask for proposals when what was built is another than before, or `anew`. */
export async function drawProposals(built, { anew = false } = {}) {
  const fingerprint = JSON.stringify(built);
  if (fingerprint === proposed && !anew) return;
  proposed = fingerprint;
  try {
    const found = await ask("proposals");
    show(by("tracking-proposals"), found, draw);
  } catch {
    proposed = null; // asked again with the next look; the page says what is away
  }
}

function draw({ rows, dismissed, may, problem }) {
  // before the first build every part of the section says so
  if (problem) return problem.startsWith("Nothing has been built") ? [] : [h("h2", {}, "Companies that look like one"), words(problem, "warn")];
  if (!(rows.length || dismissed.length)) return [];
  return [
    h("h2", {}, "Companies that look like one"),
    h("p", { class: "quiet" }, "One was deleted in Planhat, or has fewer endusers, and another looks like it. Nothing is joined by itself: an alias leads the calls that name the one to the other."),
    rows.length ? table({ caption: "Proposed aliases, those that move most first", columns: [...columns(), ...(may.edit ? [{ title: "Your word", cell: choice }] : [])], rows }) : words("No proposal waits."),
    dismissed.length ? h("details", { "data-key": "dismissed" }, h("summary", {}, `Dismissed: ${count(dismissed.length)}`), table({
      caption: "Proposals that were dismissed",
      columns: [...columns(), { title: "Dismissed", cell: since }, ...(may.edit ? [{ title: "Change", cell: again }] : [])],
      rows: dismissed,
    })) : null,
  ];
}

function columns() {
  const moves = (row, key, of) => (row[key] ? whyLink(row.alias, count(row[key]), `${count(row[key])} ${of} named ${row.shown}: why`) : count(0));
  return [
    { title: "Calls name", cell: (row) => [whyLink(row.alias, row.shown), row.alias_name ? [", ", name(row.alias_name)] : null] },
    { title: "Which was", cell: (row) => (row.alias_deleted_at ? `deleted ${time(row.alias_deleted_at)}` : "is there too") },
    { title: "Looks like", cell: (row) => whyLink(row.company_id, row.company_name ?? row.company_id) },
    { title: "Because of", cell: (row) => [row.same_name && "the name", row.same_domain && "a domain", row.shared_endusers && counted(row.shared_endusers, "enduser")].filter(Boolean).join(", ") },
    { title: "Moves calls", number: true, strong: true, value: (row) => row.events, cell: (row) => moves(row, "events", "calls") },
    { title: "Of users", number: true, value: (row) => row.endusers, cell: (row) => count(row.endusers) },
    { title: "On days", number: true, value: (row) => row.active_days, cell: (row) => count(row.active_days) },
    { title: "A sample", cell: (row) => (row.sample_message_id ? whyLink(row.sample_message_id) : "–") },
  ];
}

function choice(row) {
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  return h("span", { class: "row" },
    row.takes_effect ? twoStep("Set the alias", {
      key: `propose-${row.alias}`, label: `Set the alias ${row.shown} for ${row.company_name ?? row.company_id}`,
      warning: [`${counted(row.events, "call")} of ${counted(row.endusers, "user")} on ${counted(row.active_days, "day")} `, row.events === 1 ? "moves" : "move", " to ", name(row.company_name ?? row.company_id), " with the next build, and all that come."],
      yes: "Set the alias",
      act: async () => {
        await save("aliases", { alias: row.alias, company: row.company_id });
        await drawProposals(null, { anew: true });
      },
    }) : h("span", {}, "Both are in Planhat: merge them there, or delete the one. Then an alias takes effect."),
    h("button", { type: "button", "data-key": `dismiss-${row.alias}`, "aria-label": `Dismiss the alias ${row.shown}`, onclick: () => attempt(() => say("dismiss", row), problem) }, "Dismiss"),
    problem);
}

function again(row) {
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  return [h("button", { type: "button", "data-key": `again-${row.alias}`, "aria-label": `Propose the alias ${row.shown} again`, onclick: () => attempt(() => say("back", row), problem) }, "Propose again"), problem];
}

async function say(word, row) {
  await ask(`proposals/${word}`, { method: "POST", body: { alias: row.alias, company_id: row.company_id } });
  await drawProposals(null, { anew: true });
}
