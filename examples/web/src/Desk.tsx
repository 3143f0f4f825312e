import { useEffect, useState } from "react";
import { useQuery, useSubscription } from "urql";
import { OperationEventsDocument, SessionDocument } from "wanjia-gateway-client";
import { Charge } from "./Charge.js";
import { Events } from "./Events.js";
import { Problems } from "./Problems.js";
import { Reviews } from "./Reviews.js";

export function Desk({ isLive, logOut }: { isLive: boolean; logOut: () => void }) {
  const [{ data, error }] = useQuery({ query: SessionDocument });
  const [chosen, setChosen] = useState("");
  const [version, setVersion] = useState(0); // of the list: each change reads it again
  useSubscription({ query: OperationEventsDocument }); // outcomes of unclear writes: the cache takes them
  useEffect(() => {
    if (isLive) setVersion((before) => before + 1); // first subscribe, then read: nothing is lost between
  }, [isLive]);
  const community = chosen || data?.communities?.[0]?.code;
  return (
    <>
      <header>
        <h1>小区审核工作台</h1>
        <label>
          小区
          <select value={community} onChange={(event) => setChosen(event.target.value)}>
            {data?.communities?.map(({ code, name }) => <option key={code} value={code}>{name ?? ""} {code}</option>)}
          </select>
        </label>
        <span className={isLive ? "live" : "live off"} role="status">{isLive ? "实时已连接" : "实时未连接，正在重连"}</span>
        <span className="user">{data?.viewer.subject} <button onClick={() => logOut()}>退出</button></span>
      </header>
      <Problems error={error} />
      {community && (
        <main className="desk" key={community}>
          <Reviews community={community} version={version} />
          <div>
            <Charge community={community} />
            <Events community={community} onChange={() => setVersion((before) => before + 1)} />
          </div>
        </main>
      )}
    </>
  );
}
