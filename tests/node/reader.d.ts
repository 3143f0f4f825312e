// What the pages' TypeScript leaves to its reader, with the types that codegen's client preset makes of the schema.

declare const token: string;
declare function freshToken(): Promise<string>;
declare function logIn(): Promise<void>;
declare function show(...values: unknown[]): void;

type Maybe<T> = T | null;
type Outcome = "CONFIRMED" | "REFUSED" | "UNKNOWN";
type UserErrorCode =
  | "INVALID"
  | "NOT_FOUND"
  | "PERSON_NOT_FOUND"
  | "VEHICLE_NOT_FOUND"
  | "NOT_REGISTERED"
  | "FORBIDDEN_COMMUNITY"
  | "ALREADY_REVIEWED"
  | "CONFLICT"
  | "IDEMPOTENCY_MISMATCH"
  | "IDEMPOTENCY_IN_PROGRESS"
  | "NOT_SUPPORTED"
  | "UPSTREAM_REFUSED"
  | "UPSTREAM_UNAVAILABLE";

type CreateOrderInput = {
  communityCode: string;
  payer:
    | { house: { building: number; unit: number; floor: number; room: number } }
    | { phone: { phone: string; name?: Maybe<string> } }
    | { idCard: string }
    | { carNumber: string }
    | { parkingNumber: string };
  title: string;
  amount: string;
  remark?: Maybe<string>;
  details?: Maybe<Array<{ name: string; value: string }>>;
  manager?: Maybe<string>;
  idempotencyKey: string;
};

type CreateOrderMutation = {
  createOrder?: Maybe<{
    outcome: Outcome;
    orderNumber?: Maybe<string>;
    userErrors: Array<{
      code: UserErrorCode;
      field?: Maybe<Array<string>>;
      messageZh: string;
      upstreamMessage?: Maybe<string>;
    }>;
    operation?: Maybe<{ id: string }>;
  }>;
};

type OperationOutcomeQuery = {
  operation?: Maybe<{
    outcome?: Maybe<Outcome>;
    userErrors: Array<{ code: UserErrorCode; messageZh: string }>;
    result?: Maybe<
      | { __typename?: "Order"; number?: Maybe<string> }
      | { __typename?: "Announcement" | "Community" | "House" | "Member" | "Module" | "Operation" }
      | { __typename?: "Payment" | "People" | "Repair" | "Shenhe" }
    >;
  }>;
};

type Answer<Data> = {
  data?: Maybe<Data>;
  errors?: Array<{ message: string; extensions: { code: string; requestId: string; retryable?: boolean } }>;
};

declare function gql(text: TemplateStringsArray): { readonly document: string };
declare function ask(query: object, variables: { input: CreateOrderInput }): Promise<Answer<CreateOrderMutation>>;
declare function ask(query: object, variables: { id: string }): Promise<Answer<OperationOutcomeQuery>>;
