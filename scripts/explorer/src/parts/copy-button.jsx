// A button that copies a text, and says so.

import { useEffect, useState } from 'react';
import { useText } from '../language/language.js';
import { CopyIcon } from './icons.jsx';

export async function copyText(text) {
  await navigator.clipboard.writeText(text);
}

export function CopyButton({ text, label, children }) {
  const t = useText();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied && setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <button
      type="button"
      className="explorer-chip"
      title={t('copy')}
      aria-label={label && `${t('copy')}: ${label}`}
      onClick={async () => {
        await copyText(text);
        setCopied(true);
      }}
    >
      {children ?? text} <span aria-live="polite">{isCopied ? t('copied') : <CopyIcon className="explorer-icon" aria-hidden="true" />}</span>
    </button>
  );
}
