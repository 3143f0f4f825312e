/** A normalising cache for Apollo Client: docs/quickstart.md. */
import { InMemoryCache, type FieldPolicy, type Reference } from "@apollo/client";

type Page = { nodes?: readonly Reference[] } | null;

/** Page after page in one list, without doubles where it shifted. A page that failed leaves those before it. */
const list: FieldPolicy<Page> = {
  keyArgs: ["communityCode", "communityCodes", "filter", "state", "conflicting", "recordId", "subject", "since", "until",
    "first", "page"],
  merge(before, page, { args, readField }) {
    if (!page) return (args?.after && before) || page;
    if (!args?.after || !page.nodes) return { ...before, ...page };
    const shown = before?.nodes ?? [];
    const ids = new Set(shown.map((node) => readField("id", node)));
    return { ...before, ...page, nodes: [...shown, ...page.nodes.filter((node) => !ids.has(readField("id", node)))] };
  },
};
const lists = { orders: list, shenhes: list, repairs: list };
const part = { keyFields: false, merge: true } as const;

export const cache = new InMemoryCache({
  possibleTypes: {
    Event: ["OperationEvent", "PaymentEvent", "RepairEvent", "ShenheEvent"],
    MutationPayload: ["AnnouncementPayload", "ModulePayload", "OrderPayload", "PayCallbackPayload", "RepairPayload",
      "ShenhePayload", "SyncModulesPayload"],
    Node: ["Announcement", "Community", "House", "Module", "Operation", "Order", "Payment", "Repair", "Shenhe"],
    Person: ["Member", "People", "ShenhePeople"],
  },
  typePolicies: {
    Query: { fields: { ...lists, announcements: list, operations: list, payments: list, reveals: list } },
    Community: { fields: lists },
    House: { fields: { orders: list } },
    People: { fields: { orders: list } },
    Platform: { keyFields: ["name"] },
    Dictionary: { keyFields: ["name"] },
    CommunitySummary: part,
    FeeSummary: part,
    HouseOwner: part,
    Money: part,
    PageInfo: part,
    Reconciliation: part,
    RepairReporter: part,
    ShenheContent: part,
    ShenheHouse: part,
    ShenhePeople: part,
    ShenheVerification: part,
    Viewer: part,
  },
});
