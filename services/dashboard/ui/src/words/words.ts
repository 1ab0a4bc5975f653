// The page's two languages.

import { createInstance, type i18n } from 'i18next';
import { initReactI18next } from 'react-i18next';

import type { Language } from '../format/money.ts';
import { kept, keep } from '../kept.ts';
import en from './en.json';
import vi from './vi.json';

const KEY = 'millrace.language';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

/** The language chosen before, or the first of the browser's that the page has. */
function firstLanguage(): Language {
  const chosen = kept(KEY);
  if (chosen === 'vi' || chosen === 'en') return chosen;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return wanted.find((tag): tag is Language => tag === 'vi' || tag === 'en') ?? 'en';
}

/** All texts, with the first language chosen. React escapes what is put into them. */
export function words(): i18n {
  const instance = createInstance();
  instance.on('languageChanged', (language) => {
    document.documentElement.lang = language;
    document.title = instance.t('title');
  });
  void instance.use(initReactI18next).init({
    lng: firstLanguage(),
    fallbackLng: false,
    resources: { en: { translation: en }, vi: { translation: vi } },
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  return instance;
}

/** Changes the language for good. */
export function speak(instance: i18n, language: Language): void {
  keep(KEY, language);
  void instance.changeLanguage(language);
}
