// A response path; a click marks its fields in the query and its places in the response.

import { Fragment } from 'react';
import { useText } from '../language/language.js';
import { mark } from '../response/marks.js';
import { showPath } from '../response/paths.js';
import { useExchange } from '../transport/exchanges.js';

export function PathLink({ path }) {
  const t = useText();
  const exchange = useExchange();
  return (
    <button type="button" className="explorer-path" title={t('showPath')} onClick={() => mark([path], exchange)}>
      {breakable(showPath(path))}
    </button>
  );
}

// Long paths break before a dot.
const breakable = (text) =>
  text.split(/(?=\.)/).map((part, index) => (
    <Fragment key={index}>
      <wbr />
      {part}
    </Fragment>
  ));
