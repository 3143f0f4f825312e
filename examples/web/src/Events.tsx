import { useState } from "react";
import { useSubscription } from "urql";
import { NewReviewsDocument, type NewReviewsSubscription, labelOf, labels } from "wanjia-gateway-client";
import { Problems } from "./Problems.js";
import { showTime } from "./words.js";

type Change = NewReviewsSubscription["shenheEvents"];

const MOST = 20; // events shown

/** What happens to reviews while the page is open. The cache takes their status; the list is read again for new ones. */
export function Events({ community, onChange }: { community: string; onChange: () => void }) {
  const [changes, setChanges] = useState<Change[]>([]);
  const [{ error }] = useSubscription({ query: NewReviewsDocument, variables: { community } }, (_, data) => {
    const { shenheEvents } = data;
    if (shenheEvents.shenhe) {
      setChanges((before) => [shenheEvents, ...before.filter(({ cursor }) => cursor !== shenheEvents.cursor)].slice(0, MOST));
    }
    if (shenheEvents.missed || shenheEvents.kind !== "DECIDED") onChange();
    return data;
  });
  return (
    <section aria-label="动态" className="card">
      <h2>动态</h2>
      <Problems error={error} />
      {!changes.length && <p className="hint">有新的申请或审核时，会立即显示在这里。</p>}
      <ul className="events">
        {changes.map(({ cursor, at, kind, shenhe }) => (
          <li key={cursor}>
            <time>{showTime(at)}</time> <b>{labelOf(labels.ChangeKind, kind)}</b>
            {shenhe && ` ${labelOf(labels.ShenheType, shenhe.type)}：${labelOf(labels.ShenheStatus, shenhe.status)}`}
          </li>
        ))}
      </ul>
    </section>
  );
}
