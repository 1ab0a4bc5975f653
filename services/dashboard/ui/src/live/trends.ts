// What can be said about trends.

import type { TrendWindow } from '../api/decode.ts';

/** When there are so many times as many orders as in the time before, it is the shop that rises, and no product of it. */
const FEW = 5n;

/** All orders, where there were so few in the time before that everything seems to rise; a shop that has just begun. */
export function fewBefore(shown: TrendWindow | undefined): { readonly now: bigint; readonly before: bigint } | null {
  const all = shown?.citiesByScore ?? [];
  const now = all.reduce((sum, entry) => sum + entry.orders, 0n);
  const before = all.reduce((sum, entry) => sum + entry.previousOrders, 0n);
  return before * FEW < now ? { now, before } : null;
}
