import { describe, expect, it } from 'vitest';

import type { TrendWindow } from '../api/decode.ts';
import { fewBefore } from './trends.ts';

function window(...cities: readonly (readonly [bigint, bigint])[]): TrendWindow {
  const citiesByScore = cities.map(([orders, previousOrders], at) => ({
    name: `city ${at}`, orders, revenue: orders, previousOrders, previousRevenue: previousOrders, growth: null, score: 1,
  }));
  return { window: '5m', productsByScore: [], productsByOrders: [], citiesByScore, citiesByOrders: citiesByScore };
}

describe('a shop that has just begun', () => {
  it('is told from one in which something rises', () => {
    expect(fewBefore(window([100n, 0n], [50n, 1n]))).toEqual({ now: 150n, before: 1n });
    expect(fewBefore(window([100n, 20n], [50n, 10n])), 'five times as many').toBeNull();
    expect(fewBefore(window([151n, 30n]))).toEqual({ now: 151n, before: 30n });
    expect(fewBefore(window([40n, 1n], [10n, 60n])), 'one rises, another falls').toBeNull();
  });

  it('is not one that has no orders', () => {
    expect(fewBefore(window())).toBeNull();
    expect(fewBefore(undefined)).toBeNull();
  });
});
