import { describe, expect, it } from 'vitest';

import { addPoint, type CurvePoint, mergePoints, rates, scaleOf, SCALES } from './curve.ts';

const START = Date.parse('2026-11-22T12:00:00Z');

function point(seconds: number, orders: number): CurvePoint {
  return { at: START + seconds * 1000, revenue: BigInt(orders) * 100n, orders: BigInt(orders) };
}

const add = (points: CurvePoint[]) => points.reduce(addPoint, [] as readonly CurvePoint[]);
const times = (points: readonly CurvePoint[]) => points.map((p) => (p.at - START) / 1000);

describe('points', () => {
  it('are one a second, the last of it', () => {
    expect(add([point(0, 1), point(0.4, 2), point(0.9, 3), point(1.1, 4)])).toEqual([point(0.9, 3), point(1.1, 4)]);
  });

  it('that come late are left out', () => {
    expect(times(add([point(5, 1), point(3, 2)]))).toEqual([5]);
  });

  it('begin anew with the pipeline', () => {
    expect(add([point(0, 9), point(5, 1)])).toEqual([point(5, 1)]);
  });

  it('are let go when they are older than the curve', () => {
    const many = Array.from({ length: 1_000 }, (_, n) => point(n, n));
    const kept = add(many);
    expect(kept.length).toBeLessThanOrEqual(611);
    expect(kept.length).toBeGreaterThanOrEqual(600);
    expect(times(kept).at(-1)).toBe(999);
  });

  it('of the server come before those that were heard', () => {
    const recent = [0, 1, 2].map((n) => ({ at: START + n * 1000, totalRevenue: BigInt(n), totalOrders: BigInt(n) }));
    expect(times(mergePoints(recent, [point(1, 1), point(2, 2), point(7, 7)]))).toEqual([0, 1, 2, 7]);
  });
});

describe('rates', () => {
  it('are what happened in each whole step, by the minute', () => {
    const points = add([point(0, 0), point(10, 5), point(20, 5), point(25, 8), point(30, 9)]);
    const shown = rates(points, START + 34_000, SCALES[0]).slice(-3);
    expect(shown.map((rate) => rate.orders)).toEqual([30, 0, 24]);
    expect(shown.map((rate) => rate.revenue)).toEqual([3_000, 0, 2_400]);
    expect(shown.at(-1)?.at).toBe((START + 30_000) / 1000);
  });

  it('are unknown before the first point', () => {
    const shown = rates(add([point(0, 100), point(10, 105)]), START + 10_000, SCALES[0]);
    expect(shown).toHaveLength(60);
    expect(shown.slice(0, -1).every((rate) => rate.orders === null)).toBe(true);
    expect(shown.at(-1)?.orders).toBe(30);
  });

  it('are nothing while nothing comes', () => {
    const shown = rates(add([point(0, 100)]), START + 60_000, SCALES[0]);
    expect(shown.slice(-6).map((rate) => rate.orders)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('of no points are unknown', () => {
    expect(rates([], START, SCALES[0]).every((rate) => rate.revenue === null)).toBe(true);
  });

  it('are looked at the more closely the less is known', () => {
    const after = (seconds: number) => scaleOf([point(0, 1)], START + seconds * 1000).reach / 1000;
    expect([0, 60, 61, 180, 181, 600, 5_000].map(after)).toEqual([60, 60, 180, 180, 600, 600, 600]);
    const shown = rates(add([point(0, 0), point(30, 60)]), START + 31_000, { reach: 60_000, step: 2_000 });
    expect(shown).toHaveLength(30);
    expect(shown.at(-1)?.orders).toBe(1_800);
  });
});
