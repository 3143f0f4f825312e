/** An order that is created at most once: docs/writes.md. Types such as CreateOrderInput come from a code generator. */
const CREATE_ORDER = gql`
  mutation CreateOrder($input: CreateOrderInput!) {
    createOrder(input: $input) {
      outcome
      orderNumber
      userErrors { code field messageZh upstreamMessage }
      operation { id }
    }
  }
`;

const OPERATION = gql`
  query OperationOutcome($id: ID!) {
    operation(id: $id) { outcome userErrors { code messageZh } result { id ... on Order { number } } }
  }
`;

type Result =
  | { kind: "done"; orderNumber?: string | null }
  | { kind: "refused"; reasons: string[] }
  | { kind: "failed"; requestId: string } // a fault: nothing was written
  | { kind: "unclear"; operationId?: string };

/** Made when the form is opened: { key: crypto.randomUUID(), pending: false }. Kept until the outcome is there. */
type Write = { key: string; pending: boolean };

export async function createOrder(order: Omit<CreateOrderInput, "idempotencyKey">, write: Write): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    // `ask` posts a query and gives { data, errors }, typed from the schema; it rejects when no answer comes.
    const answer = await ask(CREATE_ORDER, { input: { ...order, idempotencyKey: write.key } }).catch(() => null);
    const written = answer?.data?.createOrder;
    if (!written) {
      const fault = answer?.errors?.find((error) => !error.extensions.retryable);
      if (fault && !write.pending) return { kind: "failed", requestId: fault.extensions.requestId };
      if (fault) return { kind: "unclear" }; // this attempt was not sent, an earlier one may have been
    }
    if (!written || written.userErrors.some(({ code }) => code === "IDEMPOTENCY_IN_PROGRESS")) {
      write.pending = true;
      if (attempt === 3) return { kind: "unclear" }; // offer "try again", with the same `write`
      await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** attempt));
      continue;
    }
    switch (written.outcome) {
      case "CONFIRMED":
        return { kind: "done", orderNumber: written.orderNumber };
      case "REFUSED":
        return { kind: "refused", reasons: written.userErrors.map((e) => e.upstreamMessage ?? e.messageZh) };
      default:
        return { kind: "unclear", operationId: written.operation?.id };
    }
  }
}

/** Ask every few seconds while the page is open; the gateway clears most of it up within three minutes. */
export async function outcomeOf(operationId: string): Promise<Result> {
  const { data } = await ask(OPERATION, { id: operationId });
  const operation = data?.operation;
  switch (operation?.outcome) {
    case "CONFIRMED": {
      const order = operation.result;
      return { kind: "done", orderNumber: order && "number" in order ? order.number : null };
    }
    case "REFUSED":
      return { kind: "refused", reasons: operation.userErrors.map((e) => e.messageZh) };
    default:
      return { kind: "unclear", operationId }; // null: still under way
  }
}
