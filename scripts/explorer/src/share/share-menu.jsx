// The toolbar's menu: a link to this operation, the operation as code, a new idempotency key.

import { ToolbarMenu, UnStyledButton, useGraphiQL } from '@graphiql/react';
import { parse } from 'jsonc-parser';
import { page } from '../page.js';
import { useText } from '../language/language.js';
import { copyText } from '../parts/copy-button.jsx';
import { ShareIcon } from '../parts/icons.jsx';
import { withFreshKeys } from '../panels/examples/examples.js';
import { makeLink } from './link.js';
import { asCurl, asFetch, asWxRequest } from './snippets.js';

export function ShareMenu({ onDone }) {
  const t = useText();
  const { queryEditor, variableEditor, operationName } = useGraphiQL(
    ({ queryEditor, variableEditor, operationName }) => ({ queryEditor, variableEditor, operationName }),
  );
  const variables = () => parse(variableEditor.getValue()) ?? {};

  const copyLink = async () => {
    const { link, removed } = makeLink(queryEditor.getValue(), variableEditor.getValue());
    await copyText(link);
    onDone(removed ? t('sharedWithout', removed) : t('shared'));
  };
  const copyAs = (snippet) => async () => {
    const url = new URL(page.graphqlPath, location.href).href;
    await copyText(snippet(url, { query: queryEditor.getValue(), variables: variables(), operationName }));
    onDone(t('shared'));
  };
  const renewKey = () => {
    const renewed = withFreshKeys(variables());
    if (renewed) variableEditor.setValue(JSON.stringify(renewed, null, 2));
    onDone(t(renewed ? 'keyChanged' : 'noKey'));
  };

  return (
    <ToolbarMenu
      button={
        <UnStyledButton type="button" className="graphiql-toolbar-button" aria-label={t('share')} title={t('share')}>
          <ShareIcon className="graphiql-toolbar-icon" aria-hidden="true" />
        </UnStyledButton>
      }
    >
      <ToolbarMenu.Item onSelect={copyLink}>{t('copyLink')}</ToolbarMenu.Item>
      <ToolbarMenu.Item onSelect={copyAs(asCurl)}>{t('copyCurl')}</ToolbarMenu.Item>
      <ToolbarMenu.Item onSelect={copyAs(asFetch)}>{t('copyFetch')}</ToolbarMenu.Item>
      <ToolbarMenu.Item onSelect={copyAs(asWxRequest)}>{t('copyWx')}</ToolbarMenu.Item>
      <ToolbarMenu.Item onSelect={renewKey}>{t('newKey')}</ToolbarMenu.Item>
    </ToolbarMenu>
  );
}
