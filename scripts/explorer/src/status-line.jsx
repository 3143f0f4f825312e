// Under the response: what HTTP said of it, the rate that is left, the cost; and why a null is null, on a click.

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { useText } from './language/language.js';
import { CopyButton } from './parts/copy-button.jsx';
import { explainNull } from './response/null-reason.js';
import { showPath } from './response/paths.js';
import { nullAt } from './response/response-text.js';
import { costOf, useExchange } from './transport/exchanges.js';

export function StatusLine() {
  const t = useText();
  const exchange = useExchange();
  const path = useNullPath();
  if (!exchange) return null;
  const { isPending, status, ms, bytes, requestId, rate, body } = exchange;
  if (isPending) return <div className="explorer-status">{t('running')}</div>;
  const cost = costOf(exchange);
  return (
    <div className="explorer-status" role="group" aria-label={t('statusHttp', status ?? '–')}>
      {path ? <NullReason exchange={exchange} path={path} /> : body?.data && hasNull(body.data) && <p>{t('clickNull')}</p>}
      <p>
        <strong className={status === 200 ? 'is-good' : 'is-bad'}>{t('statusHttp', status ?? '–')}</strong>
        <span>{t('ms', Math.round(ms))}</span>
        {bytes !== undefined && <span>{t('bytes', bytes)}</span>}
        {requestId && <CopyButton text={requestId} label={t('requestId')} />}
        {rate && <span title={t('rateHint', rate.reset)}>{t('rateLeft', rate.remaining)}</span>}
        {cost && <span>{t('costTotal', cost.requested, cost.actual)}</span>}
      </p>
    </div>
  );
}

function NullReason({ exchange, path }) {
  const t = useText();
  const { kind, error } = explainNull(exchange, path);
  return (
    <p role="status" className={`explorer-null is-${kind}`}>
      <code>{showPath(path)}</code> {t(`null.${kind}`, error)}
    </p>
  );
}

const hasNull = (value) =>
  value === null || (typeof value === 'object' && Object.values(value).some((item) => hasNull(item)));

// The path of the null that the cursor of the response stands at, by mouse or by keyboard.
function useNullPath() {
  const editor = useGraphiQL((state) => state.responseEditor);
  const [path, setPath] = useState();
  useEffect(() => {
    if (!editor) return undefined;
    const model = editor.getModel();
    const moved = editor.onDidChangeCursorPosition(({ position }) =>
      setPath(nullAt(editor.getValue(), model.getOffsetAt(position))),
    );
    const changed = editor.onDidChangeModelContent(() => setPath(undefined));
    return () => {
      moved.dispose();
      changed.dispose();
    };
  }, [editor]);
  return path;
}
