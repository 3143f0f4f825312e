// The writes made through this gateway, newest first, each with its timeline. One whose outcome is not known is followed.

import { useGraphiQL } from '@graphiql/react';
import { useCallback, useEffect, useState } from 'react';
import { useText } from '../../language/language.js';
import { Failure, Note, Panel } from '../../parts/panel.jsx';
import { useExchange } from '../../transport/exchanges.js';
import { hasTimeline, isKnown, readOperations } from './operations.js';
import { Timeline } from './timeline.jsx';

const FOLLOW_MS = 2000;

export function OperationsPanel() {
  const t = useText();
  const schema = useGraphiQL((state) => state.schema);
  const exchange = useExchange();
  const answeredAt = exchange?.operationType === 'mutation' ? exchange.answeredAt : null;
  const [state, setState] = useState({});

  const read = useCallback(async () => {
    if (!schema) return;
    try {
      setState({ operations: await readOperations(schema) });
    } catch (error) {
      setState({ failure: error.message });
    }
  }, [schema]);

  useEffect(() => {
    read();
  }, [read, answeredAt]);

  const isFollowing = state.operations?.some((one) => !isKnown(one));
  useEffect(() => {
    const timer = isFollowing && setTimeout(read, FOLLOW_MS);
    return () => clearTimeout(timer);
  }, [isFollowing, read, state]);

  return (
    <Panel
      title="operations"
      actions={
        <button type="button" className="explorer-chip" onClick={read}>
          {t('refresh')}
        </button>
      }
    >
      {!schema && <Note>{t('noSchema')}</Note>}
      {schema && !hasTimeline(schema) && <Note>{t('noTimeline')}</Note>}
      {state.failure && <Failure>{state.failure}</Failure>}
      {state.operations?.length === 0 && <Note>{t('noOperations')}</Note>}
      <ol className="explorer-cards">
        {state.operations?.map((one) => (
          <li key={one.id}>
            <Operation operation={one} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Operation({ operation }) {
  const t = useText();
  const { mutation, outcome, subject, communityCode, userErrors } = operation;
  return (
    <section aria-label={mutation}>
      <h3>
        {mutation}{' '}
        <span className={`explorer-badge is-outcome-${outcome ?? 'none'}`}>
          {outcome ? t(`outcome.${outcome}`) : t('under_way')}
        </span>
      </h3>
      <p className="explorer-faint">{[subject, communityCode].filter(Boolean).join(' · ')}</p>
      {!isKnown(operation) && <p role="status">{t('following')}</p>}
      <Timeline operation={operation} />
      {userErrors.map(({ code, message, messageZh }) => (
        <p key={code + message}>
          <code className="explorer-code">{code}</code> {t('messageOf', { message, extensions: { messageZh } })}
        </p>
      ))}
    </section>
  );
}
