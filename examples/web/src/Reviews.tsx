import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { ReviewsDocument } from "wanjia-gateway-client";
import { Problems } from "./Problems.js";
import { Review } from "./Review.js";

/** The work list, oldest first, page by page. */
export function Reviews({ community, version }: { community: string; version: number }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const [total, setTotal] = useState<number>();
  const [decided, setDecided] = useState<Record<number, number>>({}); // of each page, since it was read
  const left = total === undefined ? "" : `（${total - Object.values(decided).reduce((sum, count) => sum + count, 0)}）`;
  return (
    <section aria-label="待审核">
      <h2>待审核{left}</h2>
      {cursors.map((after, index) => (
        <Page key={after} community={community} after={after} version={version}
          onRead={(count, gone) => {
            if (index === 0) setTotal(count);
            setDecided((before) => ({ ...before, [index]: gone }));
          }}
          {...(index === cursors.length - 1 && { onMore: (cursor: string) => setCursors([...cursors, cursor]) })} />
      ))}
    </section>
  );
}

interface PageProps {
  community: string;
  after: string | null;
  version: number;
  onRead: (total: number, decided: number) => void;
  onMore?: (cursor: string) => void;
}

function Page({ community, after, version, onRead, onMore }: PageProps) {
  const [{ data, error, fetching }, read] = useQuery({ query: ReviewsDocument, variables: { community, after } });
  const [first] = useState(version);
  useEffect(() => {
    if (version !== first) read({ requestPolicy: "network-only" });
  }, [version, first, read]);
  const list = data?.shenhes;
  useEffect(() => {
    if (list) onRead(list.totalCount, list.nodes.filter(({ status }) => status !== "PENDING").length);
  }, [list]);
  const { hasNextPage, endCursor } = list?.pageInfo ?? {};
  return (
    <>
      <Problems error={error} retry={() => read({ requestPolicy: "network-only" })} />
      {fetching && !list && <p>正在读取……</p>}
      {list?.totalCount === 0 && <p>没有待审核的申请。</p>}
      {list?.nodes.map((review) => <Review key={review.id} review={review} />)}
      {onMore && hasNextPage && endCursor && <button onClick={() => onMore(endCursor)}>更多</button>}
    </>
  );
}
