// What every part of the page has at hand: the model and the language.

import { createContext, use, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';

import type { Language } from '../format/money.ts';
import type { Model } from '../live/model.ts';
import type { Store } from '../live/store.ts';

export const StoreContext = createContext<Store | null>(null);

/** What `select` gives of the model; the part is drawn again when that is another object. */
export function useModel<T>(select: (model: Model) => T): T {
  const store = use(StoreContext);
  if (!store) throw new Error('a part stands outside the page');
  return useSyncExternalStore(store.subscribe, () => select(store.shown()));
}

/** The texts, and the language they are in. */
export function useWords() {
  const { t, i18n } = useTranslation();
  const language: Language = i18n.language === 'vi' ? 'vi' : 'en';
  return { t, i18n, language };
}
