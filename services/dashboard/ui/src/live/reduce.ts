// What the page shows after something happened. Pure.

import type { Totals, Trends, Update } from '../api/decode.ts';
import { addAlert, mergeAlerts } from './alerts.ts';
import { addPoint, mergePoints } from './curve.ts';
import type { Answer, Figures, Followed, Happening, Model, Topic } from './model.ts';
import { heldAt } from './state.ts';

/**
 * An update with a lower number than the last is from before and dropped. After this many in a row whoever numbers
 * them has begun anew, and is believed; the server waits for four times as many.
 */
const OLDER_IN_A_ROW = 25;

type RevenueUpdate = Extract<Update, { type: 'revenue_update' }>;
type TrendUpdate = Extract<Update, { type: 'trend_update' }>;

/** The model after `happening`. The same object when nothing changed. */
export function reduce(model: Model, happening: Happening): Model {
  switch (happening.is) {
    case 'tick':
      return { ...model, now: happening.at };
    case 'connected':
      return {
        ...model,
        connection: { is: 'connected', since: happening.at, replayed: false },
        caughtUp: new Set(),
      };
    case 'disconnected':
      return model.connection.is === 'lost'
        ? model
        : { ...model, connection: { is: 'lost', since: happening.at } };
    case 'update':
      return happening.update.type === 'revenue_update'
        ? takeRevenue(model, happening.update, happening.at)
        : takeTrend(model, happening.update);
    case 'alert':
      return { ...model, alerts: addAlert(model.alerts ?? [], happening.alert) };
    case 'failed':
      return { ...model, failing: withTopic(model.failing, happening.topic) };
    case 'read':
      return takeAnswer(arrived(model, happening.answer.topic), happening.answer, happening.at);
  }
}

/** What was followed with one more update; `takes` says whether that one is to be shown. */
function follow(followed: Followed, sequence: number | undefined): Followed & { readonly takes: boolean } {
  const known = followed.sequence;
  const isOlder = sequence !== undefined && known !== null && sequence <= known;
  if (isOlder && followed.older < OLDER_IN_A_ROW) {
    return { sequence: known, older: followed.older + 1, takes: false };
  }
  return { sequence: sequence ?? null, older: 0, takes: true };
}

function takeRevenue(model: Model, update: RevenueUpdate, at: number): Model {
  const { figures, connection } = model;
  const { takes, ...figuresFollowed } = follow(model.figuresFollowed, update.sequence);
  if (!takes) return { ...model, figuresFollowed };
  const isReplay = connection.is === 'connected' && !connection.replayed;
  const heard = isReplay ? { ...model, connection: { ...connection, replayed: true } } : model;
  // what a new connection hears first is the newest update of before, which REST may be ahead of
  if (isReplay && figures?.at === null && update.totalOrders < figures.orders) {
    return { ...heard, figuresFollowed };
  }
  const { totalRevenue: revenue, totalOrders: orders, hourlyRevenue: hour, timestamp } = update;
  const taken: Figures = { revenue, orders, average: average(revenue, orders), hour, at: timestamp };
  const curve = addPoint(model.curve, { at: timestamp, revenue, orders });
  return { ...heard, figures: taken, figuresCame: at, figuresFollowed, curve };
}

/** Rounded half up, 0 without orders: as the server rounds. */
export function average(revenue: bigint, orders: bigint): bigint {
  if (orders <= 0n) return 0n;
  const [whole, rest] = [revenue / orders, revenue % orders];
  return rest * 2n >= orders ? whole + 1n : whole;
}

function takeTrend(model: Model, update: TrendUpdate): Model {
  const { takes, ...trendsFollowed } = follow(model.trendsFollowed, update.sequence);
  if (!takes) return { ...model, trendsFollowed };
  const { asOf, windows } = update;
  return { ...model, trends: { asOf, windows }, trendsFollowed };
}

function takeAnswer(model: Model, answer: Answer, at: number): Model {
  switch (answer.topic) {
    case 'totals':
      return takeTotals(model, answer.value, at);
    case 'recent':
      return { ...model, curve: mergePoints(answer.value, model.curve) };
    case 'hours':
    case 'cities':
    case 'products':
      return { ...model, [answer.topic]: answer.value };
    case 'trends':
      return takeTrends(model, answer.value);
    case 'alerts':
      return { ...model, alerts: mergeAlerts(model.alerts ?? [], answer.value) };
    case 'pipeline':
      return takePipeline({ ...model, heard: { pipeline: answer.value, at } });
  }
}

function takePipeline(model: Model): Model {
  const held = heldAt(model);
  return held === null || held <= (model.held ?? 0) ? model : { ...model, held };
}

function takeTrends(model: Model, trends: Trends): Model {
  const isOlder = (trends.asOf ?? 0) < (model.trends?.asOf ?? 0);
  return isOlder ? model : { ...model, trends };
}

/** While updates come they are newer than what REST says. Without a connection REST is all there is. */
function takeTotals(model: Model, totals: Totals, at: number): Model {
  const { connection, figures } = model;
  if (connection.is === 'connected' && figures !== null && figures.at !== null) return model;
  const { totalRevenue: revenue, totalOrders: orders, avgOrderValue } = totals;
  const same = figures !== null && figures.revenue === revenue && figures.orders === orders;
  const taken: Figures = same
    ? figures
    : { revenue, orders, average: avgOrderValue, hour: null, at: null };
  return { ...model, figures: taken, figuresCame: at };
}

function arrived(model: Model, topic: Topic): Model {
  const failing = model.failing.has(topic) ? without(model.failing, topic) : model.failing;
  return { ...model, failing, caughtUp: withTopic(model.caughtUp, topic) };
}

function withTopic(set: ReadonlySet<Topic>, topic: Topic): ReadonlySet<Topic> {
  return set.has(topic) ? set : new Set([...set, topic]);
}

function without(set: ReadonlySet<Topic>, topic: Topic): ReadonlySet<Topic> {
  return new Set([...set].filter((other) => other !== topic));
}
