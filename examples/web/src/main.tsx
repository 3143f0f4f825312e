import { StrictMode, useCallback, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { Provider } from "urql";
import { Desk } from "./Desk.js";
import { connect } from "./gateway.js";
import { Login } from "./Login.js";
import "./style.css";

/** The token is in memory alone: whoever closes the page is logged out. */
function App() {
  const [token, setToken] = useState("");
  const [reason, setReason] = useState("");
  const logOut = useCallback((why = "") => { setToken(""); setReason(why); }, []);
  return token ? <Session key={token} token={token} logOut={logOut} /> : <Login reason={reason} onToken={setToken} />;
}

function Session({ token, logOut }: { token: string; logOut: (why?: string) => void }) {
  const [isLive, setLive] = useState(false);
  const gateway = useMemo(() => connect(token, setLive, () => logOut("登录已失效，请重新登录。")), [token, logOut]);
  useEffect(() => gateway.close, [gateway]);
  return (
    <Provider value={gateway.client}>
      <Desk isLive={isLive} logOut={logOut} />
    </Provider>
  );
}

createRoot(document.getElementById("root")!).render(<StrictMode><App /></StrictMode>);
