import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { ReviewsDocument } from "wanjia-gateway-client";
import { Problems } from "./Problems.js";
import { Review } from "./Review.js";

/** The work list, oldest first, page by page. */
export function Reviews({ community, version }: { community: string; version: number }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  return (
    <section aria-label="待审核">
      {cursors.map((after, index) => (
        <Page key={after} community={community} after={after} version={version} isFirst={index === 0}
          {...(index === cursors.length - 1 && { onMore: (cursor: string) => setCursors([...cursors, cursor]) })} />
      ))}
    </section>
  );
}

interface PageProps {
  community: string;
  after: string | null;
  version: number;
  isFirst: boolean;
  onMore?: (cursor: string) => void;
}

function Page({ community, after, version, isFirst, onMore }: PageProps) {
  const [{ data, error, fetching }, read] = useQuery({ query: ReviewsDocument, variables: { community, after } });
  useEffect(() => {
    if (version > 0) read({ requestPolicy: "network-only" });
  }, [version, read]);
  const list = data?.shenhes;
  const { hasNextPage, endCursor } = list?.pageInfo ?? {};
  return (
    <>
      {isFirst && <h2>待审核{list && `（${list.totalCount}）`}</h2>}
      <Problems error={error} retry={() => read({ requestPolicy: "network-only" })} />
      {fetching && !list && <p>正在读取……</p>}
      {isFirst && list?.totalCount === 0 && <p>没有待审核的申请。</p>}
      {list?.nodes.map((review) => <Review key={review.id} review={review} />)}
      {onMore && hasNextPage && endCursor && <button onClick={() => onMore(endCursor)}>更多</button>}
    </>
  );
}
