// Light, dark, or as the system prefers.

import { keep } from '../kept.ts';

export const LOOKS = ['auto', 'light', 'dark'] as const;
export type Look = (typeof LOOKS)[number];

const worn = new Set<() => void>();

/** Shows the page in a look from now on. public/early.js does the same at the next visit. */
export function wear(look: Look): void {
  keep('millrace.look', look === 'auto' ? null : look);
  if (look === 'auto') delete document.documentElement.dataset['look'];
  else document.documentElement.dataset['look'] = look;
  for (const listener of worn) listener();
}

/** Calls back when colours have changed, for what is drawn on a canvas. */
export function onLook(listener: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', listener);
  worn.add(listener);
  return () => {
    system.removeEventListener('change', listener);
    worn.delete(listener);
  };
}
