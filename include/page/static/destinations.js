// Where pushes go, and what differs between them on the page: words, and the columns of their tables.

import { count, time } from "./words.js";

const CHANGES = [["Considered", "considered"], ["Unchanged", "unchanged"], ["Added", "added"], ["Changed", "changed"]];
const SYNCED = ["Objects synced", "synced", true];
// A dry run sends nothing: it says what would be sent.
const WOULD_BE = ["Would be sent", "to_send", true];
const NOT_SENT = ["Not sent", "not_sent"];

const TO_SEGMENT = [["Errors", "errors", true], ...CHANGES, ["Removed", "removed"], ["Held", "held"], ["Withheld", "withheld"]];
const TO_PLANHAT = [["Errors", "errors", true], ["Held", "held"], ["Withheld", "withheld"], ["Unknown", "waiting"], ...CHANGES];

export const SEGMENT = {
  name: "Segment",
  // of its routes
  path: "",
  heading: "Section 3 · Data push",
  press: "Push data to Segment",
  canResync: true,
  foldsHistory: false,
  nothing: "Nothing has been pushed yet. The first push sends every object; later ones send what changed.",
  columns: [SYNCED, ...TO_SEGMENT, NOT_SENT],
  dryColumns: [WOULD_BE, ...TO_SEGMENT],
  seen: "Came back",
  unseen: "not come back yet",
  ledgerColumns: [{ title: "Removed", cell: (row) => time(row.removed_at) }],
  receiptsTitle: "Receipts: which messages came back",
  receipts: "A message comes back where Segment sends this source's calls to the collector, with the key of a source of kind planhat. Each push looks for those of the last seven days when it ends.",
  noReceipts: "Segment has acknowledged nothing yet, so nothing can come back.",
  receiptColumns: [],
};

export const PLANHAT = {
  name: "Planhat",
  path: "planhat/",
  heading: "Sent to Planhat",
  press: "Push usage to Planhat",
  canResync: false,
  // it stands among what else a section has
  foldsHistory: true,
  nothing: "Nothing has been sent to Planhat yet. Show what would be pushed first; docs/planhat.md says what is sent, and what never is.",
  columns: [SYNCED, ...TO_PLANHAT, NOT_SENT],
  dryColumns: [WOULD_BE, ...TO_PLANHAT],
  seen: "Seen in Planhat",
  unseen: "not seen in Planhat yet",
  ledgerColumns: [],
  receiptsTitle: "Receipts: what Planhat has of it",
  receipts: "Endusers are looked at when they were sent, metrics are read back when a push ends, and before the next one. Activities cannot be read back.",
  noReceipts: "Planhat has acknowledged nothing of these yet.",
  receiptColumns: [{ title: "Otherwise there", number: true, value: (row) => row.otherwise, cell: (row) => count(row.otherwise) }],
};
