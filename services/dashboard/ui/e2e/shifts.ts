// What moves on the page without anybody having touched it.

import type { Page } from '@playwright/test';

/**
 * The most that may move in five seconds, as browsers measure it (cumulative layout shift; up to 0.1 is called good).
 * What is left are numbers aligned at their right end: the first digit moves when there is one more.
 */
export const MOST = 0.005;

interface Shift {
  readonly at: number;
  readonly value: number;
  readonly what: string;
}

interface Seen {
  readonly shifts: Shift[];
}

/** Looks from the next load on. */
export async function layoutShifts(page: Page) {
  await page.addInitScript(() => {
    interface Entry extends PerformanceEntry {
      readonly value: number;
      readonly sources: readonly { readonly node: Node | null }[];
    }
    const shifts: Shift[] = [];
    Object.assign(window, { shifts });
    const name = (node: Node | null) => {
      const one = node instanceof Element ? node : node?.parentElement;
      return `${node instanceof Element ? '' : 'text in '}${one?.closest('[class]')?.className ?? ''} ${one?.tagName ?? ''}`;
    };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as Entry[]) {
        shifts.push({ at: entry.startTime, value: entry.value, what: entry.sources.map(({ node }) => name(node)).join(', ') });
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const all = async () => page.evaluate(() => (window as unknown as Seen).shifts);
  return {
    /** Forgets what was until now. */
    clear: async () => page.evaluate(() => void ((window as unknown as Seen).shifts.length = 0)),
    /** How much moved in the worst five seconds, and what moved that is no number aligned at its right end. */
    seen: async () => {
      const shifts = await all();
      const windows = shifts.map(({ at }) => shifts.filter((one) => one.at >= at && one.at < at + 5_000));
      const sums = windows.map((some) => some.reduce((sum, { value }) => sum + value, 0));
      const boxes = new Set(shifts.flatMap(({ what }) => what.split(', ')).filter((what) => !what.startsWith('text in ')));
      return { most: Math.max(0, ...sums), boxes: [...boxes], texts: [...new Set(shifts.map(({ what }) => what))] };
    },
  };
}
