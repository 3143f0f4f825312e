// The values of the response that did not arrive as documented. What was sent is in the records alone, and read on
// demand.

import { useGraphiQL } from '@graphiql/react';
import { useState } from 'react';
import { useText } from '../language/language.js';
import { Failure, Note, Panel } from '../parts/panel.jsx';
import { PathLink } from '../parts/path-link.jsx';
import { collectIssues, rawOf, withDataIssues } from '../response/raw-values.js';
import { traceOf, useExchange } from '../transport/exchanges.js';
import { post, sentenceOf } from '../transport/http.js';

export function DataQualityPanel() {
  const t = useText();
  const exchange = useExchange();
  const issues = traceOf(exchange)?.dataIssues;
  if (!issues) {
    return (
      <Panel title="dataQuality">
        <Note>{t(exchange?.body ? 'noTrace' : 'nothingYet')}</Note>
      </Panel>
    );
  }
  return (
    <Panel title="dataQuality">
      {issues.length ? <Issues key={exchange.requestId} issues={issues} exchange={exchange} /> : <Note>{t('noIssues')}</Note>}
    </Panel>
  );
}

function Issues({ issues, exchange }) {
  const t = useText();
  const schema = useGraphiQL((state) => state.schema);
  const [collected, setCollected] = useState(null);
  const [failure, setFailure] = useState(null);

  const ask = async () => {
    const { variables, operationName, headers } = exchange;
    const answer = await post({ query: withDataIssues(exchange.query, schema), variables, operationName }, headers);
    setFailure(sentenceOf(answer) ?? null);
    setCollected(collectIssues(answer.body?.data ?? null));
  };

  return (
    <>
      <p>{t('issuesTotal', issues.length)}</p>
      {exchange.operationType === 'query' ? (
        <p>
          <button type="button" className="explorer-button" disabled={!schema} onClick={ask}>
            {t('showSent')}
          </button>{' '}
          <small>{t('sentHint')}</small>
        </p>
      ) : (
        <Note>{t('sentOnlyQueries')}</Note>
      )}
      {failure && <Failure>{failure}</Failure>}
      <div className="explorer-scroll">
        <table>
          <thead>
            <tr>
              <th>{t('path')}</th>
              <th>{t('problem')}</th>
              {collected && <th>{t('sent')}</th>}
            </tr>
          </thead>
          <tbody>
            {issues.map((issue) => (
              <tr key={`${issue.path.join('.')} ${issue.field} ${issue.problem}`}>
                <td>
                  <PathLink path={issue.path} />
                </td>
                <td title={issue.problem}>
                  {t(`problem.${issue.problem}`)} <small>{issue.platform}</small>
                </td>
                {collected && <td>{showRaw(t, rawOf(issue, collected))}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function showRaw(t, found) {
  if (!found) return <em>{t('sentUnknown')}</em>;
  return (
    <>
      {found.raw === null ? <em>{t(found.masked ? 'sentMasked' : 'sentNothing')}</em> : <code>{found.raw}</code>}
      {found.masked && found.raw !== null && <small> {t('sentMasked')}</small>}
    </>
  );
}
