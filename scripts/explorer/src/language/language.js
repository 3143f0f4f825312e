// The page's words in the reader's language: `useText()` in components, `say()` elsewhere.

import { prefer, preferences } from '../preferences.js';
import { useStore } from '../store.js';
import { english } from './english.js';
import { chinese } from './chinese.js';

const LANGUAGES = { en: english, zh: chinese };

export const languageCode = () => preferences.get().language;

export const say = (key, ...values) => wording(languageCode(), key, values);

// A function from a key, and values where the words need them, to a text.
export function useText() {
  const { language } = useStore(preferences);
  return (key, ...values) => wording(language, key, values);
}

export const useLanguage = () => useStore(preferences).language;

export function changeLanguage(language) {
  prefer({ language });
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
}

// Keys of sets, such as `problem.MISSING`, may lack a member that a newer gateway sends: it stands for itself then.
function wording(language, key, values) {
  const words = LANGUAGES[language][key] ?? english[key];
  if (words === undefined) return key.slice(key.indexOf('.') + 1);
  return typeof words === 'function' ? words(...values) : words;
}
