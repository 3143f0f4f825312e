// Under the response: what HTTP said of it, the budgets that are left, the cost; why a null is null, on a click; and the
// way to the calls, until it was taken once.

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { useText } from './language/language.js';
import { showCalls } from './panels/calls/calls-drawer.jsx';
import { lengthOf, showTime } from './panels/calls/times.js';
import { CopyButton } from './parts/copy-button.jsx';
import { Popover } from './parts/popover.jsx';
import { preferences } from './preferences.js';
import { explainNull } from './response/null-reason.js';
import { showPath } from './response/paths.js';
import { nullAt } from './response/response-text.js';
import { useStore } from './store.js';
import { costOf, traceOf, useExchange } from './transport/exchanges.js';

export function StatusLine() {
  const t = useText();
  const exchange = useExchange();
  const path = useNullPath();
  if (!exchange) return null;
  const { isPending, status, ms, bytes, requestId, responseHeaders, rates = [], body } = exchange;
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
        {rates.map(({ name, remaining, reset }) => (
          <span key={name} title={t('rateHint', reset)}>
            {t(`rateLeft.${name}`, remaining)}
          </span>
        ))}
        {cost && <span>{t('costTotal', cost.requested, cost.actual)}</span>}
        {responseHeaders && <ResponseHeaders headers={responseHeaders} />}
      </p>
      <WayToCalls trace={traceOf(exchange)} />
    </div>
  );
}

function ResponseHeaders({ headers }) {
  const t = useText();
  const [anchor, setAnchor] = useState(null);
  return (
    <>
      <button
        type="button"
        className="explorer-chip explorer-headers-button"
        aria-haspopup="dialog"
        aria-expanded={Boolean(anchor)}
        onClick={({ currentTarget }) => setAnchor(anchor ? null : currentTarget)}
      >
        {t('responseHeaders')}
      </button>
      {anchor && (
        <Popover
          anchor={anchor}
          owner=".explorer-headers-button"
          label={t('responseHeaders')}
          title={t('responseHeaders')}
          onClose={() => setAnchor(null)}
        >
          <table>
            <tbody>
              {headers.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>
                    <code>{value}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Popover>
      )}
    </>
  );
}

function WayToCalls({ trace }) {
  const t = useText();
  const { hasSeenCalls } = useStore(preferences);
  if (hasSeenCalls || !trace?.calls.length) return null;
  return (
    <p>
      <button type="button" className="explorer-link" onClick={showCalls}>
        {t('wayToCalls', trace.calls.length, showTime(t, lengthOf(trace)))}
      </button>
    </p>
  );
}

function NullReason({ exchange, path }) {
  const t = useText();
  const schema = useGraphiQL((state) => state.schema);
  const { reason, error, sentence } = explainNull(exchange, path, schema);
  return (
    <p role="status" className={`explorer-null is-${reason}`}>
      <code>{showPath(path)}</code> {t(`null.${reason}`, error)}
      {(reason === 'NOT_APPLICABLE' || reason === 'UNKNOWN') && sentence && ` ${t('null.means', sentence)}`}
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
