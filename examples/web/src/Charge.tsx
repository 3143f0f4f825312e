import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import {
  type NewOrderMutation, NewOrderDocument, type Violation, type WriteResult, gatewayErrors, newWrite, writeOnce,
} from "wanjia-gateway-client";
import { Outcome } from "./Outcome.js";
import { FIELDS } from "./words.js";

type Order = NonNullable<NewOrderMutation["createOrder"]>;
type Refusal = { field: readonly string[] | null; messageZh: string };

const ADDRESS = ["building", "unit", "floor", "room"] as const;
const EMPTY = { title: "物业费", amount: "", remark: "", building: "", unit: "", floor: "", room: "" };

/** A charge to a house. What is refused stands beside its field, in the gateway's own words. */
export function Charge({ community }: { community: string }) {
  const [form, setForm] = useState(EMPTY);
  const [write, setWrite] = useState(newWrite);
  const [result, setResult] = useState<WriteResult<Order>>();
  const [violations, setViolations] = useState<readonly Violation[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [, create] = useMutation(NewOrderDocument);

  const begin = () => {
    setForm(EMPTY);
    setWrite(newWrite());
    setResult(undefined);
  };
  const charge = async (allowRepeat: boolean, intent = write) => {
    setBusy(true);
    let broken: readonly Violation[] = [];
    const { building, unit, floor, room, ...rest } = form;
    const house = { building: Number(building), unit: Number(unit), floor: Number(floor), room: Number(room) };
    const ended = await writeOnce<Order>(async (idempotencyKey) => {
      const input = { communityCode: community, payer: { house }, ...rest, allowRepeat, idempotencyKey };
      const { data, error } = await create({ input });
      broken = gatewayErrors(error?.graphQLErrors).flatMap(({ extensions }) => extensions.violations ?? []);
      return { payload: data?.createOrder, errors: error?.graphQLErrors };
    }, intent);
    if (ended.kind !== "unclear") setWrite(newWrite()); // a corrected attempt takes a new key
    if (ended.kind === "done") setForm(EMPTY);
    setViolations(broken);
    setResult(ended);
    setBusy(false);
  };
  const refusals: Refusal[] = [...(result?.kind === "refused" ? result.payload.userErrors : []), ...violations];
  const beside = new Map<string, string>();
  for (const { field, messageZh } of refusals) {
    const name = field?.at(-1) ?? "";
    if (name in form) beside.set(name, messageZh);
  }
  const input = (name: keyof typeof EMPTY, label: string, type = "text") => (
    <label>
      {label}
      <input type={type} value={form[name]} aria-invalid={beside.has(name)} required={type === "number"}
        onChange={(event) => setForm({ ...form, [name]: event.target.value })} />
      {beside.has(name) && <span className="refusal" role="alert">{beside.get(name)}</span>}
    </label>
  );
  const order = result?.kind === "done" || result?.kind === "refused" ? result.payload : undefined;
  const isUnclear = result?.kind === "unclear"; // the same write once more, with the same key, or none
  const isFollowed = isUnclear && result.operationId !== undefined;
  const stands = order?.userErrors.some(({ code }) => code === "ALREADY_CHARGED");
  return (
    <section aria-label="收费" className="card">
      <h2>收费</h2>
      <form onSubmit={(event: FormEvent) => { event.preventDefault(); void charge(false); }}>
        <fieldset className="plain" disabled={isUnclear}>
          {input("title", "收费名称")}
          {input("amount", "金额（元）")}
          <div className="row">{ADDRESS.map((name) => <span key={name}>{input(name, FIELDS[name] ?? name, "number")}</span>)}</div>
          {input("remark", "备注")}
        </fieldset>
        {!isFollowed && <button className="primary" disabled={isBusy}>{isUnclear ? "重试" : "收费"}</button>}
        {isUnclear && <button type="button" onClick={begin}>另一笔收费</button>}
      </form>
      {!(result?.kind === "failed" && beside.size) && <Outcome result={result} known={new Set(beside.values())} />}
      {order?.orderNumber && <p>{stands ? "已有账单" : "账单编号"} {order.orderNumber}</p>}
      {stands && <button disabled={isBusy} onClick={() => void charge(true, newWrite())}>仍然收费</button>}
    </section>
  );
}
