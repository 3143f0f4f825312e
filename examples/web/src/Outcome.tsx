import { useEffect } from "react";
import { useQuery } from "urql";
import { OperationOutcomeDocument, type Payload, type WriteResult, labelOf, labels } from "wanjia-gateway-client";

/** How a write ended. What is unclear is followed until it is known. `known`: refusals that stand beside their fields. */
export function Outcome<P extends Payload>({ result, known }: { result?: WriteResult<P> | undefined; known?: ReadonlySet<string> }) {
  switch (result?.kind) {
    case undefined:
      return null;
    case "done":
      return <p className="fine" role="status">{labelOf(labels.Outcome, "CONFIRMED")}</p>;
    case "refused":
      return <Refusals errors={result.payload.userErrors} known={known} />;
    case "failed":
      return <p className="problem" role="alert">{result.messageZh}<small> 请求编号 {result.requestId}</small></p>;
    default:
      return result?.operationId ? <Unclear id={result.operationId} /> : <p className="hint" role="status">结果不明，请稍后重试。</p>;
  }
}

function Refusals({ errors, known }: { errors: Payload["userErrors"]; known?: ReadonlySet<string> | undefined }) {
  const shown = errors.filter(({ messageZh = "" }) => !known?.has(messageZh));
  if (!shown.length) return null;
  return (
    <div className="problem" role="alert">
      {shown.map(({ messageZh, upstreamMessage }) => (
        <p key={messageZh}>{messageZh}{upstreamMessage && upstreamMessage !== messageZh && `（平台提示：${upstreamMessage}）`}</p>
      ))}
    </div>
  );
}

const PAUSE = 3000; // milliseconds between two questions

function Unclear({ id }: { id: string }) {
  const [{ data }, ask] = useQuery({ query: OperationOutcomeDocument, variables: { id } });
  const outcome = data?.operation?.outcome;
  useEffect(() => {
    if (outcome && outcome !== "UNKNOWN") return;
    const timer = setInterval(() => ask({ requestPolicy: "network-only" }), PAUSE);
    return () => clearInterval(timer);
  }, [outcome, ask]);
  if (outcome === "CONFIRMED") return <p className="fine" role="status">已确认（经回查）</p>;
  if (outcome === "REFUSED") return <Refusals errors={data?.operation?.userErrors ?? []} />;
  return <p className="hint" role="status">平台的结果不明，网关正在回查，请勿重复操作……</p>;
}
