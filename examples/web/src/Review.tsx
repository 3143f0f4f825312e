import { useState } from "react";
import { useMutation } from "urql";
import {
  ApproveReviewDocument, type Payload, RejectReviewDocument, type ReviewsQuery, type WriteResult, labelOf, labels, newWrite,
  writeOnce,
} from "wanjia-gateway-client";
import { Outcome } from "./Outcome.js";
import { FIELDS, showTime } from "./words.js";

type Listed = NonNullable<ReviewsQuery["shenhes"]>["nodes"][number];
type Finding = NonNullable<Listed["verification"]>["findings"][number];

/** One application with what speaks against it, and the decision. Decided, by whomever, one line of it stays. */
export function Review({ review }: { review: Listed }) {
  const people = review.content?.people;
  const house = review.content?.house;
  const isPending = review.status === "PENDING";
  const [result, setResult] = useState<WriteResult<Payload>>();
  const isFollowed = result?.kind === "unclear" && result.operationId !== undefined;
  const masked = people?.maskedFields.length ? "（已脱敏）" : "";
  return (
    <article className={isPending ? "card" : "card decided"} aria-label={`${labelOf(labels.ShenheType, review.type)} ${people?.name ?? ""}`}>
      <h3>
        {labelOf(labels.ShenheType, review.type)}
        {!isPending && <span className={`status ${review.status}`}>{labelOf(labels.ShenheStatus, review.status)}</span>}
        <time>{showTime(review.createdAt)}</time>
      </h3>
      <p>
        {people?.name ?? "姓名不明"} {people?.phone} {masked}
        {house && ` · ${house.building ?? "?"} 栋 ${house.unit ?? "?"} 单元 ${house.floor ?? "?"} 层 ${house.room ?? "?"} 室`}
        {house?.role && ` · ${labelOf(labels.ResidentRole, house.role)}`}
      </p>
      {isPending && <Findings findings={review.verification?.findings} />}
      <Outcome result={result} />
      {isPending && review.canReview && <Decide id={review.id} onResult={setResult} isOver={isFollowed} />}
      {isPending && !review.canReview && <p className="hint">您不能审核这条申请。</p>}
    </article>
  );
}

const RANK = { BLOCKING: 0, WARNING: 1, INFO: 2 };

function Findings({ findings }: { findings?: Finding[] | undefined }) {
  if (!findings) return <p className="hint">核验结果不可用。</p>;
  if (!findings.length) return <p className="fine">核验无异常</p>;
  return (
    <ul className="findings">
      {findings.toSorted((one, other) => RANK[one.severity] - RANK[other.severity]).map((finding, index) => (
        <li key={index} className={finding.severity}>
          <b>{labelOf(labels.Severity, finding.severity)}</b> {labelOf(labels.FindingCode, finding.code)}
          {finding.field && `：${FIELDS[finding.field.split(".").at(-1) ?? ""] ?? finding.field}`}
          {finding.submittedLabel && <> 申报 <q>{finding.submittedLabel.zh}</q></>}
          {finding.registeredLabel && <> 登记 <q>{finding.registeredLabel.zh}</q></>}
        </li>
      ))}
    </ul>
  );
}

interface DecideProps {
  id: string;
  isOver: boolean;
  onResult: (result: WriteResult<Payload>) => void;
}

function Decide({ id, isOver, onResult }: DecideProps) {
  const [write, setWrite] = useState(newWrite);
  const [reason, setReason] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [, approve] = useMutation(ApproveReviewDocument);
  const [, reject] = useMutation(RejectReviewDocument);

  const decide = async (isApproval: boolean) => {
    setBusy(true);
    const result = await writeOnce<Payload>(async (idempotencyKey) => {
      if (isApproval) {
        const { data, error } = await approve({ input: { id, idempotencyKey } });
        return { payload: data?.approveShenhe, errors: error?.graphQLErrors };
      }
      const { data, error } = await reject({ input: { id, reason: reason ?? "", idempotencyKey } });
      return { payload: data?.rejectShenhe, errors: error?.graphQLErrors };
    }, write);
    if (result.kind !== "unclear") setWrite(newWrite()); // another decision is another write
    setBusy(false);
    onResult(result);
  };
  if (reason === undefined) {
    return (
      <p className="actions">
        <button className="primary" disabled={isBusy || isOver} onClick={() => void decide(true)}>通过</button>
        <button disabled={isBusy || isOver} onClick={() => setReason("")}>拒绝</button>
      </p>
    );
  }
  return (
    <form className="actions" onSubmit={(event) => { event.preventDefault(); void decide(false); }}>
      <label>拒绝理由<input value={reason} onChange={(event) => setReason(event.target.value)} autoFocus /></label>
      <button className="primary" disabled={isBusy || isOver}>确认拒绝</button>
      <button type="button" onClick={() => setReason(undefined)}>取消</button>
    </form>
  );
}
