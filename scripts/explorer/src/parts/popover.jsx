// A box above the page beside what it belongs to. Esc, its button and a press anywhere else close it.

import { useEffect, useLayoutEffect, useRef } from 'react';
import { useText } from '../language/language.js';

const GAP = 6;

// `anchor` is an element; presses on elements that match `owner` are left to them.
export function Popover({ anchor, owner, title, label, onClose, children }) {
  const t = useText();
  const box = useRef(null);
  const close = useRef(onClose);
  close.current = onClose;

  useLayoutEffect(() => {
    const element = box.current;
    element.showPopover();
    place(element, anchor.getBoundingClientRect());
    element.focus();
  }, [anchor]);

  useEffect(() => {
    const pressed = ({ target }) => {
      if (!box.current?.contains(target) && !target.closest?.(owner)) close.current();
    };
    const typed = (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      close.current();
      anchor.focus();
    };
    const left = () => close.current();
    document.addEventListener('pointerdown', pressed, true);
    document.addEventListener('keydown', typed, true);
    window.addEventListener('resize', left);
    return () => {
      document.removeEventListener('pointerdown', pressed, true);
      document.removeEventListener('keydown', typed, true);
      window.removeEventListener('resize', left);
    };
  }, [anchor, owner]);

  return (
    <div ref={box} popover="manual" role="dialog" aria-label={label} tabIndex={-1} className="explorer-popover explorer-panel">
      <header>
        <h3>{title}</h3>
        <button type="button" className="explorer-chip" onClick={onClose}>
          {t('close')}
        </button>
      </header>
      {children}
    </div>
  );
}

// Where there is more room: above the anchor or under it.
function place(element, { top, bottom, left }) {
  const { innerWidth, innerHeight } = window;
  const isAbove = top > innerHeight - bottom;
  const room = (isAbove ? top : innerHeight - bottom) - 2 * GAP;
  element.style.maxHeight = `${room}px`;
  element.style.left = `${Math.max(GAP, Math.min(left, innerWidth - element.offsetWidth - GAP))}px`;
  element.style.top = isAbove ? 'auto' : `${bottom + GAP}px`;
  element.style.bottom = isAbove ? `${innerHeight - top + GAP}px` : 'auto';
}
