import { describe, expect, it } from 'vitest';

import en from './en.json';
import vi from './vi.json';

type Texts = { readonly [key: string]: string | Texts };

/** Every text by its path; plural forms, of which languages have different ones, count as one. */
function texts(from: Texts, path = ''): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [key, value] of Object.entries(from)) {
    const here = `${path}${key}`;
    if (typeof value !== 'string') {
      for (const [inner, text] of texts(value, `${here}.`)) found.set(inner, text);
      continue;
    }
    const name = here.replace(/_(one|other)$/, '');
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  return found;
}

function holes(text: string): string[] {
  return [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '').toSorted();
}

const languages = { en: texts(en), vi: texts(vi) };

describe('the texts of both languages', () => {
  it('are the same ones', () => {
    expect([...languages.vi.keys()].toSorted()).toEqual([...languages.en.keys()].toSorted());
  });

  it('have the same holes', () => {
    // the singular may leave out how many
    for (const [name, forms] of languages.en) {
      const [general, others] = [forms.at(-1) ?? '', languages.vi.get(name)?.at(-1) ?? ''];
      expect(holes(others), name).toEqual(holes(general));
      for (const form of forms) expect(holes(general), name).toEqual(expect.arrayContaining(holes(form)));
    }
  });

  it('have all the plural forms of their language', () => {
    const forms = (from: Texts, path = ''): string[] => Object.entries(from).flatMap(([key, value]) =>
      typeof value === 'string' ? [`${path}${key}`] : forms(value, `${path}${key}.`));
    const plural = (all: string[], form: string) =>
      all.filter((name) => name.endsWith(`_${form}`)).map((name) => name.replace(`_${form}`, ''));
    for (const [language, wanted] of [[en, ['one', 'other']], [vi, ['other']]] as const) {
      const all = forms(language);
      const names = new Set(wanted.flatMap((form) => plural(all, form)));
      for (const form of wanted) expect(plural(all, form).toSorted()).toEqual([...names].toSorted());
    }
  });

  it('are not empty', () => {
    for (const all of [languages.en, languages.vi]) {
      for (const [name, forms] of all) for (const text of forms) expect(text.trim(), name).not.toBe('');
    }
  });
});
