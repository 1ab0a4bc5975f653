import { describe, expect, it } from 'vitest';

import { alert, decoded, decodedEach, pipeline, totals, trends, update } from './decode.ts';
import { parseExact } from './json.ts';

const REVENUE = {
  type: 'revenue_update',
  totalRevenue: 5,
  totalOrders: 2,
  hourlyRevenue: 1,
  timestamp: '2026-11-22T17:00:00.000Z',
  sequence: 3,
};
const ALERT = {
  type: 'VELOCITY',
  message: 'User u: 11 orders in 1 minute',
  severity: 'CRITICAL',
  orderId: 'o',
  userId: 'u',
  timestamp: '2026-11-22T17:00:00.000Z',
};

describe('numbers', () => {
  it('of any size stay exact where the browser tells the source', () => {
    const text = '{"totalRevenue":170141183460469231731687303715884105727,"totalOrders":9007199254740993,"avgOrderValue":-0}';
    const parsed = parseExact(text) as { totalOrders: unknown };
    if (typeof parsed.totalOrders !== 'bigint') return expect(process.version).toMatch(/^v20\./);
    expect(decoded(totals, parsed)).toEqual({
      totalRevenue: 170141183460469231731687303715884105727n,
      totalOrders: 9007199254740993n,
      avgOrderValue: 0n,
    });
  });

  it('that are no whole numbers are none', () => {
    for (const wrong of [1.5, '5', null, true, {}, []]) {
      expect(decoded(totals, { totalRevenue: wrong, totalOrders: 1, avgOrderValue: 1 })).toBeUndefined();
    }
  });
});

describe('updates', () => {
  it('are known by their type', () => {
    expect(decoded(update, REVENUE)).toMatchObject({ totalRevenue: 5n, sequence: 3, timestamp: 1795366800000 });
    expect(decoded(update, { ...REVENUE, later: 'added' })).toBeDefined();
    expect(decoded(update, { ...REVENUE, type: 'other_update' })).toBeUndefined();
  });

  it('that lack something, or hold something else, are dropped', () => {
    for (const field of ['totalRevenue', 'totalOrders', 'hourlyRevenue', 'timestamp']) {
      expect(decoded(update, { ...REVENUE, [field]: undefined }), field).toBeUndefined();
      expect(decoded(update, { ...REVENUE, [field]: '<b>' }), field).toBeUndefined();
    }
    for (const wrong of [null, 1, 'x', [], [REVENUE]]) expect(decoded(update, wrong)).toBeUndefined();
  });

  it('of trends hold their windows', () => {
    const entry = { name: 'x', orders: 3, revenue: 3, previousOrders: 0, previousRevenue: 0, growth: null, score: 1.7 };
    const window = { window: '5m', productsByScore: [entry], productsByOrders: [], citiesByScore: [], citiesByOrders: [] };
    expect(decoded(trends, { asOf: null, windows: [window] })?.windows[0]?.productsByScore[0]?.orders).toBe(3n);
    expect(decoded(trends, { asOf: null, windows: [{ ...window, citiesByScore: [{ name: 'x' }] }] })).toBeUndefined();
  });
});

describe('alerts', () => {
  it('of other writers may lack what is ours', () => {
    expect(decoded(alert, ALERT)).toMatchObject({ orderId: 'o', timestamp: 1795366800000 });
    expect(decoded(alert, { ...ALERT, value: 11, threshold: 10, settingsGeneration: 3 })?.value).toBe(11n);
  });

  it('that are none are left out of a list', () => {
    expect(decodedEach(alert, [ALERT, null, {}, { ...ALERT, userId: 5 }, 'x'])).toHaveLength(1);
    expect(decodedEach(alert, { 0: ALERT })).toEqual([]);
  });
});

describe('the state of the pipeline', () => {
  it('may know nothing', () => {
    const unknown = { now: '2026-11-22T17:00:00.000Z', missing: [], updates: [], stages: [], unshownSeconds: null };
    expect(decoded(pipeline, unknown)).toMatchObject({ stages: [], unshownSeconds: null });
  });
});
