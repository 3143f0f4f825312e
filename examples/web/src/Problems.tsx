import type { CombinedError } from "@urql/core";
import { gatewayErrors } from "wanjia-gateway-client";

/** What went wrong, in the gateway's Chinese: each sentence once, with the number to report. */
export function Problems({ error, retry }: { error?: CombinedError | undefined; retry?: () => void }) {
  if (!error) return null;
  const texts = new Map<string, string>();
  for (const { extensions } of gatewayErrors(error.graphQLErrors)) texts.set(extensions.messageZh, extensions.requestId);
  if (error.networkError) texts.set("无法连接网关，请检查网络后重试。", "");
  return (
    <div className="problem" role="alert">
      {[...texts].map(([text, requestId]) => (
        <p key={text}>{text}{requestId && <small> 请求编号 {requestId}</small>}</p>
      ))}
      {retry && <button onClick={retry}>重试</button>}
    </div>
  );
}
