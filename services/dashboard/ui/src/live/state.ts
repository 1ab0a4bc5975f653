// Whether what the page shows may be taken for current, and if not, why. Pure.

import { CATCH_UP, type Model } from './model.ts';

/** How often the server is asked how it is. */
export const ASK_EVERY_MS = 2_500;
/** A server that has not answered for this long is lost, whatever the connection believes of itself. */
const SILENCE_MS = 6_000;
/** An update that the server had this long ago and the page still has not is missing here. */
const DELIVERY_MS = 2_500;
/** Orders that nobody has read for longer than this are said; commits and view intervals are far below it. */
const UNREAD_SECONDS = 5;
/** So are read orders that no update shows. */
const UNSHOWN_SECONDS = 5;
/** How often the server looks at what is unread and unshown: what it says of them may be so old. */
const LOOKED_MS = 1_000;

export type State =
  /** Nothing is known yet. */
  | { readonly is: 'starting' }
  | { readonly is: 'live' }
  /** Figures are read every few seconds; there is no live connection. */
  | { readonly is: 'polling' }
  /** The pipeline has more to count. */
  | { readonly is: 'behind' }
  /** The server has newer figures than this page. */
  | { readonly is: 'catchingUp' }
  /** Something that the server needs is missing; `needs` are its names. */
  | { readonly is: 'impaired'; readonly needs: readonly string[] }
  /** The server does not answer. */
  | { readonly is: 'lost' };

/** Orders that wait, and for how long the oldest of them has; null when the server does not know. */
export interface Lag {
  readonly orders: bigint | null;
  readonly seconds: number | null;
}

/** The server's clock now, by what it said last. */
export function serverNow(model: Model): number {
  const { heard, now } = model;
  return heard ? heard.pipeline.now + (now - heard.at) : now;
}

export function stateOf(model: Model): State {
  const { heard, connection, figures } = model;
  if (!heard && !figures && connection.is !== 'lost') return { is: 'starting' };
  const answers = heard !== null && model.now - heard.at < SILENCE_MS;
  if (!answers) return connection.is === 'lost' || model.failing.has('pipeline') ? { is: 'lost' } : { is: 'catchingUp' };
  if (connection.is !== 'connected') {
    const fresh = model.figuresCame !== null && model.now - model.figuresCame < SILENCE_MS;
    return fresh ? worst(model, { is: 'polling' }) : { is: 'catchingUp' };
  }
  return isBehindServer(model) ? { is: 'catchingUp' } : worst(model, { is: 'live' });
}

/** Whether figures may be shown as those of now. */
export function isCurrent(state: State): boolean {
  return state.is === 'live' || state.is === 'polling' || state.is === 'impaired';
}

/** The instant, by the server's clock, up to which the figures are right. */
export function asOf(model: Model): number | null {
  const { figures, figuresCame, held } = model;
  if (!figures) return null;
  const came = figures.at ?? (figuresCame === null ? null : figuresCame + serverNow(model) - model.now);
  return came === null || held === null ? came : Math.max(came, held);
}

/**
 * The instant at which the page's figures were still those of the pipeline, by what the server just said: it has sent
 * nothing newer, and nothing was waiting. null when that is not known.
 */
export function heldAt(model: Model): number | null {
  const { heard, connection, figuresFollowed } = model;
  if (!heard || connection.is !== 'connected' || heard.pipeline.missing.length > 0) return null;
  const newest = heard.pipeline.updates.find((update) => update.type === 'revenue_update')?.sequence ?? null;
  if (newest === null || figuresFollowed.sequence === null || figuresFollowed.sequence < newest) return null;
  const { seconds } = lagOf(model);
  const { now, unshownSeconds } = heard.pipeline;
  if (seconds === null || unshownSeconds === null) return null;
  return now - LOOKED_MS - Math.max(seconds, unshownSeconds) * 1_000;
}

/** What waits in the pipeline. */
export function lagOf(model: Model): Lag {
  const stages = model.heard?.pipeline.stages ?? [];
  const unread = stages.flatMap((stage) => (stage.unread === null ? [] : [stage.unread]));
  const seconds = stages.flatMap((stage) => (stage.behindSeconds === null ? [] : [stage.behindSeconds]));
  return {
    // every stage reads all orders, so the slowest says how many are missing
    orders: unread.length === 0 ? null : unread.reduce((most, one) => (one > most ? one : most)),
    seconds: seconds.length === 0 ? null : Math.max(...seconds),
  };
}

/** Whether the page lacks what the server had. */
function isBehindServer(model: Model): boolean {
  const { heard, connection, figuresFollowed } = model;
  if (!heard || connection.is !== 'connected') return true;
  if (CATCH_UP.some((topic) => !model.caughtUp.has(topic) && !model.failing.has(topic))) return true;
  const newest = heard.pipeline.updates.find((update) => update.type === 'revenue_update');
  const overdue = model.now - Math.max(heard.at, connection.since) >= DELIVERY_MS;
  if (!newest) return false;
  if (!connection.replayed) return overdue;
  const { sequence } = figuresFollowed;
  return overdue && newest.sequence !== null && sequence !== null && sequence < newest.sequence;
}

/** Whether the pipeline or the server lacks something. */
function worst(model: Model, otherwise: State): State {
  const pipeline = model.heard?.pipeline;
  if (!pipeline) return otherwise;
  const { seconds } = lagOf(model);
  const behind = (seconds ?? 0) > UNREAD_SECONDS || (pipeline.unshownSeconds ?? 0) > UNSHOWN_SECONDS;
  if (behind) return { is: 'behind' };
  return pipeline.missing.length > 0 ? { is: 'impaired', needs: pipeline.missing } : otherwise;
}
