import { describe, expect, it } from 'vitest';

import type { Alert, Update } from '../api/decode.ts';
import { addAlert, choices, filtered, KEPT, LISTED, mergeAlerts } from './alerts.ts';
import { emptyModel, type Happening, type Model } from './model.ts';
import { average, reduce } from './reduce.ts';

const NOON = Date.parse('2026-11-22T12:00:00Z');

function after(model: Model, ...happenings: Happening[]): Model {
  return happenings.reduce(reduce, model);
}

function update(orders: number, sequence: number | undefined, at = NOON): Happening {
  const known = sequence === undefined ? {} : { sequence };
  const value: Update = {
    type: 'revenue_update',
    totalRevenue: BigInt(orders) * 10n,
    totalOrders: BigInt(orders),
    hourlyRevenue: 1n,
    timestamp: at,
    ...known,
  };
  return { is: 'update', at, update: value };
}

function totals(orders: number, at = NOON): Happening {
  const value = { totalRevenue: BigInt(orders) * 10n, totalOrders: BigInt(orders), avgOrderValue: 10n };
  return { is: 'read', at, answer: { topic: 'totals', value } };
}

function alert(n: number, more: Partial<Alert> = {}): Alert {
  return {
    alertId: `velocity:${n}`, type: 'VELOCITY', message: '', severity: 'CRITICAL', orderId: `${n}`, userId: 'u',
    timestamp: NOON, ...more,
  };
}

const connected: Happening = { is: 'connected', at: NOON };
const disconnected: Happening = { is: 'disconnected', at: NOON };
const orders = (model: Model) => Number(model.figures?.orders ?? -1n);

describe('figures', () => {
  it('are those of REST until the first update, which is newer', () => {
    const model = after(emptyModel(NOON), totals(5));
    expect(orders(model)).toBe(5);
    expect(orders(after(model, connected, update(7, 1)))).toBe(7);
  });

  it('of REST are not overwritten by what a new connection hears first, if that is older', () => {
    const model = after(emptyModel(NOON), totals(5), connected, update(3, 1));
    expect(orders(model)).toBe(5);
    expect(model.connection).toMatchObject({ replayed: true });
    expect(orders(after(model, update(6, 2)))).toBe(6);
    expect(orders(after(model, update(4, 2))), 'a pipeline that was reset').toBe(4);
  });

  it('never go back to an older update', () => {
    const model = after(emptyModel(NOON), connected, update(5, 10), update(4, 9), update(5, 10), update(1, 2));
    expect(orders(model)).toBe(5);
    expect(orders(after(model, update(6, 11)))).toBe(6);
  });

  it('believe whoever numbers updates anew, after a while', () => {
    let model = after(emptyModel(NOON), connected, update(5, 1_000));
    for (let n = 1; n <= 25; n += 1) model = after(model, update(50 + n, n));
    expect(orders(model)).toBe(5);
    expect(orders(after(model, update(90, 26)))).toBe(90);
  });

  it('take updates without a number as they come', () => {
    expect(orders(after(emptyModel(NOON), connected, update(5, undefined), update(6, undefined)))).toBe(6);
  });

  it('of REST count while there is no connection, and not while there is', () => {
    const model = after(emptyModel(NOON), connected, update(5, 1));
    expect(orders(after(model, totals(9)))).toBe(5);
    const lost = after(model, disconnected, totals(9));
    expect(orders(lost)).toBe(9);
    expect(orders(after(lost, connected, update(8, 2))), 'replayed, and older than REST').toBe(9);
    expect(orders(after(lost, connected, update(10, 2)))).toBe(10);
  });

  it('have the average that the server would say', () => {
    expect(average(0n, 0n)).toBe(0n);
    expect(average(5n, 2n)).toBe(3n);
    expect(average(4n, 3n)).toBe(1n);
    expect(average(7n, 5n)).toBe(1n);
    expect(average(2n ** 127n, 7n)).toBe((2n ** 127n * 2n + 7n) / 14n);
  });
});

describe('trends', () => {
  const trend = (sequence: number, asOf: number): Happening =>
    ({ is: 'update', at: NOON, update: { type: 'trend_update', asOf, windows: [], timestamp: NOON, sequence } });

  it('have numbers of their own', () => {
    const model = after(emptyModel(NOON), update(1, 50), trend(1, 60_000), trend(2, 120_000), trend(1, 0));
    expect(model.trends?.asOf).toBe(120_000);
  });

  it('of REST do not replace newer ones', () => {
    const read = (asOf: number | null): Happening =>
      ({ is: 'read', at: NOON, answer: { topic: 'trends', value: { asOf, windows: [] } } });
    const model = after(emptyModel(NOON), trend(1, 120_000));
    expect(after(model, read(60_000)).trends?.asOf).toBe(120_000);
    expect(after(model, read(null)).trends?.asOf).toBe(120_000);
    expect(after(model, read(180_000)).trends?.asOf).toBe(180_000);
  });
});

describe('reading', () => {
  it('that fails is remembered until it works', () => {
    const failed = after(emptyModel(NOON), { is: 'failed', topic: 'cities' });
    expect([...failed.failing]).toEqual(['cities']);
    const value = [{ city: 'HCM', revenue: 5n }];
    const read = after(failed, { is: 'read', at: NOON, answer: { topic: 'cities', value } });
    expect([...read.failing]).toEqual([]);
    expect([...read.caughtUp]).toEqual(['cities']);
    expect([...after(read, connected).caughtUp]).toEqual([]);
  });

  it('changes nothing when nothing happened', () => {
    const lost = after(emptyModel(NOON), disconnected);
    expect(reduce(lost, { is: 'disconnected', at: NOON + 5 })).toBe(lost);
  });
});

describe('alerts', () => {
  const keys = (shown: readonly { key: string }[]) => shown.map((one) => Number(one.key.split(':')[1]));

  it('stand newest first, each once', () => {
    const shown = [1, 2, 2, 3].reduce((all, n) => addAlert(all, alert(n)), mergeAlerts([], []));
    expect(keys(shown)).toEqual([3, 2, 1]);
  });

  it('are forgotten when they are many', () => {
    let shown = mergeAlerts([], []);
    for (let n = 0; n < KEPT + 50; n += 1) shown = addAlert(shown, alert(n));
    expect(shown).toHaveLength(KEPT);
    expect(shown[0]?.key).toBe(`velocity:${KEPT + 49}`);
  });

  it('that came over both ways stand once', () => {
    const shown = addAlert(mergeAlerts([], [alert(2), alert(1)]), alert(3));
    expect(keys(mergeAlerts(shown, [alert(4), alert(3), alert(2), alert(1)]))).toEqual([4, 3, 2, 1]);
  });

  it('may be missing between two lists that do not touch', () => {
    const before = mergeAlerts([], [alert(1)]);
    const many = Array.from({ length: LISTED }, (_, n) => alert(1_000 - n));
    const apart = mergeAlerts(before, many);
    expect(apart.filter((one) => one.gapAfter).map((one) => one.key)).toEqual([`velocity:${1_001 - LISTED}`]);
    const touching = mergeAlerts(before, [...many.slice(1), alert(1)]);
    expect(touching.some((one) => one.gapAfter)).toBe(false);
    expect(mergeAlerts(before, [alert(3)]).some((one) => one.gapAfter), 'a short list is whole').toBe(false);
  });

  it('are filtered by kind and severity', () => {
    const shown = mergeAlerts([], [alert(1), alert(2, { type: 'HIGH_VALUE', severity: 'HIGH' }), alert(3, { severity: 'HIGH' })]);
    expect(keys(filtered(shown, { type: null, severity: null }))).toEqual([1, 2, 3]);
    expect(keys(filtered(shown, { type: 'VELOCITY', severity: null }))).toEqual([1, 3]);
    expect(keys(filtered(shown, { type: 'VELOCITY', severity: 'HIGH' }))).toEqual([3]);
  });

  it('offer the kinds there are, but not hundreds', () => {
    const shown = mergeAlerts([], Array.from({ length: 50 }, (_, n) => alert(n, { type: `T${String(n).padStart(2, '0')}` })));
    expect(choices(shown, 'type', ['HIGH_VALUE'])).toEqual(['HIGH_VALUE', 'T00', 'T01', 'T02', 'T03', 'T04', 'T05']);
  });
});
