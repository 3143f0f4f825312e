import { type FormEvent, useState } from "react";

/** Whom the demo gives a token to, and what for. */
const CALLERS = {
  lead: { label: "审核主管：全部小区、全部权限", scopes: ["*"], communities: ["*"] },
  clerk: {
    label: "审核员：仅小区 10002，个人信息脱敏",
    scopes: ["shenhe:read", "shenhe:review", "people:read", "order:read", "order:create", "operation:read"],
    communities: ["10002"],
  },
  reader: { label: "查看人员：不能审核、不能收费", scopes: ["shenhe:read", "people:read", "order:read"], communities: ["*"] },
};
type Caller = keyof typeof CALLERS;

async function mint(caller: Caller): Promise<string> {
  const { scopes, communities } = CALLERS[caller];
  const response = await fetch("/explorer/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ scopes, communities, subject: caller, ttl: 3600 }),
  });
  const { token } = (await response.json()) as { token?: string };
  if (!token) throw new Error(`HTTP ${response.status}`);
  return token;
}

export function Login({ reason, onToken }: { reason: string; onToken: (token: string) => void }) {
  const [caller, setCaller] = useState<Caller>("lead");
  const [pasted, setPasted] = useState("");
  const [problem, setProblem] = useState(reason);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (pasted.trim()) return onToken(pasted.trim());
    await mint(caller).then(onToken, () => setProblem("演示网关没有响应，或不签发令牌。请启动 scripts/demo，或粘贴令牌。"));
  };
  return (
    <main className="login">
      <h1>小区审核工作台</h1>
      {problem && <p className="problem" role="alert">{problem}</p>}
      <form onSubmit={(event) => void submit(event)}>
        <fieldset>
          <legend>演示身份</legend>
          {(Object.keys(CALLERS) as Caller[]).map((name) => (
            <label key={name} className="choice">
              <input type="radio" name="caller" checked={caller === name} onChange={() => setCaller(name)} />
              {CALLERS[name].label}
            </label>
          ))}
        </fieldset>
        <label>
          或粘贴令牌
          <textarea rows={3} value={pasted} onChange={(event) => setPasted(event.target.value)} />
        </label>
        <button className="primary">登录</button>
      </form>
    </main>
  );
}
