// In the demo: changes a record, or has an order paid, so that a subscription has something to show.

import { ask } from '../../transport/ask.js';
import { payOrder } from '../../transport/page-routes.js';

const COMMUNITY = '10002';

const REPAIR = `query ($community: ID!) { repairs(communityCode: $community, first: 1) { nodes { id status } } }`;
const CHANGE_REPAIR = `mutation ($id: ID!, $status: RepairStatus!, $key: ID!) {
  updateRepair(input: { id: $id, status: $status, reply: "演示", idempotencyKey: $key }) { outcome }
}`;
const REVIEW = `query ($community: ID!) {
  shenhes(communityCode: $community, filter: { status: PENDING }, first: 1) { nodes { id } }
}`;
const REJECT = `mutation ($id: ID!, $key: ID!) { rejectShenhe(input: { id: $id, idempotencyKey: $key }) { outcome } }`;
const UNPAID = `query ($community: ID!) {
  orders(communityCode: $community, filter: { paymentStatus: UNPAID }, first: 1) { nodes { number } }
}`;

const first = async (query, field) => (await ask(query, { community: COMMUNITY }))[field].nodes[0];

const key = () => crypto.randomUUID();

export const findUnpaidOrder = async () => (await first(UNPAID, 'orders'))?.number;

const MAKERS = {
  async repairEvents() {
    const repair = await first(REPAIR, 'repairs');
    const status = repair?.status === 'OPEN' ? 'RESOLVED' : 'OPEN';
    return repair && ask(CHANGE_REPAIR, { id: repair.id, status, key: key() });
  },
  async shenheEvents() {
    const review = await first(REVIEW, 'shenhes');
    return review && ask(REJECT, { id: review.id, key: key() });
  },
  async paymentEvents() {
    const number = await findUnpaidOrder();
    return number && payOrder(number);
  },
};

export const canMake = (field) => field in MAKERS;

// Whether there was a record to change.
export const makeEvent = async (field) => Boolean(await MAKERS[field]());
