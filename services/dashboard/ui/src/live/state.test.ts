import { describe, expect, it } from 'vitest';

import type { Pipeline } from '../api/decode.ts';
import { CATCH_UP, emptyModel, type Model } from './model.ts';
import { reduce } from './reduce.ts';
import { asOf, isCurrent, lagOf, serverNow, stateOf } from './state.ts';

/** The viewer's clock; the server's is an hour ahead. */
const NOW = Date.parse('2026-11-22T12:00:00Z');
const AHEAD = 3_600_000;

const WELL: Pipeline = {
  now: NOW + AHEAD - 3_000,
  missing: [],
  updates: [{ type: 'revenue_update', sequence: 7, timestamp: NOW + AHEAD - 60_000 }],
  stages: [{ stage: 'revenue', unread: 0n, behindSeconds: 0 }],
  unshownSeconds: 0,
};

function model(change: Partial<Model> = {}, pipeline: Partial<Pipeline> = {}): Model {
  return {
    ...emptyModel(NOW),
    connection: { is: 'connected', since: NOW - 100_000, replayed: true },
    heard: { pipeline: { ...WELL, ...pipeline }, at: NOW - 3_000 },
    figures: { revenue: 10n, orders: 1n, average: 10n, hour: 1n, at: NOW + AHEAD - 60_000 },
    figuresCame: NOW - 60_000,
    figuresFollowed: { sequence: 7, older: 0 },
    caughtUp: new Set(CATCH_UP),
    ...change,
  };
}

const is = (one: Model) => stateOf(one).is;

describe('the state', () => {
  it('is live when the page has what the server has, and the server has everything', () => {
    expect(is(model())).toBe('live');
    expect(is(emptyModel(NOW))).toBe('starting');
  });

  it('is lost when the server does not answer, whatever the connection believes', () => {
    const silent = { heard: { pipeline: WELL, at: NOW - 7_000 } };
    expect(is(model({ ...silent, failing: new Set(['pipeline'] as const) }))).toBe('lost');
    expect(is(model({ ...silent, connection: { is: 'lost', since: NOW - 7_000 } }))).toBe('lost');
    expect(is(model(silent)), 'a page that was asleep').toBe('catchingUp');
    expect(is({ ...emptyModel(NOW), connection: { is: 'lost', since: NOW } })).toBe('lost');
  });

  it('is catching up while the page lacks something', () => {
    expect(is(model({ caughtUp: new Set(CATCH_UP.slice(1)) }))).toBe('catchingUp');
    expect(is(model({ figuresFollowed: { sequence: 6, older: 0 } }))).toBe('catchingUp');
    expect(is(model({ connection: { is: 'connected', since: NOW - 9_000, replayed: false } }))).toBe('catchingUp');
  });

  it('gives an update the time it takes to arrive', () => {
    const heard = { pipeline: WELL, at: NOW - 500 };
    expect(is(model({ heard, figuresFollowed: { sequence: 6, older: 0 } }))).toBe('live');
  });

  it('does not wait for what cannot be read', () => {
    const [first, ...rest] = CATCH_UP;
    const failing = new Set(first ? [first] : []);
    expect(is(model({ caughtUp: new Set(rest), failing }))).toBe('live');
  });

  it('is behind when orders wait or are not shown', () => {
    const stage = (behindSeconds: number | null) => ({ stages: [{ stage: 'revenue', unread: 9n, behindSeconds }] });
    expect(is(model({}, stage(12)))).toBe('behind');
    expect(is(model({}, stage(1)))).toBe('live');
    expect(is(model({}, stage(null)))).toBe('live');
    expect(is(model({}, { unshownSeconds: 6 }))).toBe('behind');
  });

  it('names what is missing', () => {
    expect(stateOf(model({}, { missing: ['redis'] }))).toEqual({ is: 'impaired', needs: ['redis'] });
  });

  it('says that there is no live connection while figures come over REST', () => {
    const lost = { connection: { is: 'lost', since: NOW - 60_000 } } as const;
    expect(is(model({ ...lost, figuresCame: NOW - 2_000 }))).toBe('polling');
    expect(is(model({ ...lost, figuresCame: NOW - 20_000 }))).toBe('catchingUp');
  });

  it('shows figures as current only when they are', () => {
    const current = (['starting', 'live', 'polling', 'behind', 'catchingUp', 'lost'] as const).filter((one) => isCurrent({ is: one }));
    expect(current).toEqual(['live', 'polling']);
  });
});

describe('the time of the figures', () => {
  const hears = (change: Partial<Model> = {}, pipeline: Partial<Pipeline> = {}) =>
    reduce(model(change), { is: 'read', at: NOW, answer: { topic: 'pipeline', value: { ...WELL, ...pipeline } } });
  const made = NOW + AHEAD - 60_000;

  it('is when they were last known to hold, as late as the server looks', () => {
    expect(asOf(model())).toBe(made);
    expect(asOf(hears())).toBe(WELL.now - 1_000);
    expect(asOf(hears({}, { stages: [{ stage: 'revenue', unread: 3n, behindSeconds: 2 }] }))).toBe(WELL.now - 3_000);
    expect(asOf(hears({}, { unshownSeconds: 4 }))).toBe(WELL.now - 5_000);
  });

  it('is when they were made where it is not known that they held', () => {
    expect(asOf(hears({ figuresFollowed: { sequence: 6, older: 0 } })), 'the server has newer ones').toBe(made);
    expect(asOf(hears({}, { missing: ['kafka'] }))).toBe(made);
    expect(asOf(hears({}, { stages: [] }))).toBe(made);
    expect(asOf(hears({}, { unshownSeconds: null }))).toBe(made);
    expect(asOf(hears({ connection: { is: 'lost', since: NOW } }))).toBe(made);
  });

  it('never goes back', () => {
    const later = reduce(hears(), { is: 'read', at: NOW, answer: { topic: 'pipeline', value: { ...WELL, unshownSeconds: 60 } } });
    expect(asOf(later)).toBe(WELL.now - 1_000);
  });

  it('of REST figures is when they came, by the server’s clock', () => {
    const read = model({ figures: { revenue: 1n, orders: 1n, average: 1n, hour: null, at: null }, figuresCame: NOW - 9_000,
      connection: { is: 'lost', since: NOW - 60_000 } });
    expect(asOf(read)).toBe(NOW + AHEAD - 9_000);
    expect(serverNow(read)).toBe(NOW + AHEAD);
  });

  it('is not known before there are any', () => {
    expect(asOf(emptyModel(NOW))).toBeNull();
  });
});

describe('the lag', () => {
  it('is that of the stage that is furthest behind', () => {
    const stages = [
      { stage: 'revenue', unread: 5n, behindSeconds: 0.5 },
      { stage: 'fraud', unread: 700n, behindSeconds: 3 },
      { stage: 'trend', unread: null, behindSeconds: null },
    ];
    expect(lagOf(model({}, { stages }))).toEqual({ orders: 700n, seconds: 3 });
    expect(lagOf(model({}, { stages: [] }))).toEqual({ orders: null, seconds: null });
  });
});
