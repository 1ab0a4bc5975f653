// Everything the page shows.

import type { Alert, City, Hour, Pipeline, Product, RecentPoint, Totals, Trends, Update } from '../api/decode.ts';
import type { ShownAlert } from './alerts.ts';
import type { CurvePoint } from './curve.ts';

/** The totals of one instant. */
export interface Figures {
  readonly revenue: bigint;
  readonly orders: bigint;
  readonly average: bigint;
  /** VND in the hour of the newest order; only updates tell. */
  readonly hour: bigint | null;
  /** When they were made, by the server's clock; null when REST told, which does not say. */
  readonly at: number | null;
}

/** How far a numbered stream of updates was followed. */
export interface Followed {
  /** The number of the last one taken. */
  readonly sequence: number | null;
  /** Older ones in a row since. */
  readonly older: number;
}

/** The live connection. */
export type Connection =
  | { readonly is: 'connecting' }
  /** `replayed` once the newest update of before was heard, so that REST figures are not overwritten by it. */
  | { readonly is: 'connected'; readonly since: number; readonly replayed: boolean }
  | { readonly is: 'lost'; readonly since: number };

/** What the server said of itself, and when that was by the viewer's clock. */
export interface Heard {
  readonly pipeline: Pipeline;
  readonly at: number;
}

export interface Model {
  /** The viewer's clock, in ms since the Unix epoch; moves once a second. */
  readonly now: number;
  readonly connection: Connection;
  readonly heard: Heard | null;
  readonly figures: Figures | null;
  /** When figures last came, by the viewer's clock. */
  readonly figuresCame: number | null;
  readonly figuresFollowed: Followed;
  /** The instant, by the server's clock, at which the figures were last known to hold without having changed. */
  readonly held: number | null;
  readonly curve: readonly CurvePoint[];
  readonly hours: readonly Hour[] | null;
  readonly cities: readonly City[] | null;
  readonly products: readonly Product[] | null;
  readonly trends: Trends | null;
  readonly trendsFollowed: Followed;
  /** null until the list was read once. */
  readonly alerts: readonly ShownAlert[] | null;
  /** What could not be read the last time it was tried. */
  readonly failing: ReadonlySet<Topic>;
  /** What has been read since the last connection. */
  readonly caughtUp: ReadonlySet<Topic>;
}

/** What REST is asked for. */
export type Topic = 'totals' | 'recent' | 'hours' | 'cities' | 'products' | 'trends' | 'alerts' | 'pipeline';

/** What has to be read again after a connection was lost. */
export const CATCH_UP: readonly Topic[] = ['recent', 'hours', 'cities', 'products', 'trends', 'alerts'];

/** Something that happened. `at` is the viewer's clock. */
export type Happening =
  | { readonly is: 'tick'; readonly at: number }
  | { readonly is: 'connected'; readonly at: number }
  | { readonly is: 'disconnected'; readonly at: number }
  | { readonly is: 'update'; readonly at: number; readonly update: Update }
  | { readonly is: 'alert'; readonly alert: Alert }
  | { readonly is: 'failed'; readonly topic: Topic }
  | { readonly is: 'read'; readonly at: number; readonly answer: Answer };

/** An answer of a REST route. */
export type Answer =
  | { readonly topic: 'totals'; readonly value: Totals }
  | { readonly topic: 'recent'; readonly value: readonly RecentPoint[] }
  | { readonly topic: 'hours'; readonly value: readonly Hour[] }
  | { readonly topic: 'cities'; readonly value: readonly City[] }
  | { readonly topic: 'products'; readonly value: readonly Product[] }
  | { readonly topic: 'trends'; readonly value: Trends }
  | { readonly topic: 'alerts'; readonly value: readonly Alert[] }
  | { readonly topic: 'pipeline'; readonly value: Pipeline };

/** Before anything is known. */
export function emptyModel(now: number): Model {
  return {
    now,
    connection: { is: 'connecting' },
    heard: null,
    figures: null,
    figuresCame: null,
    figuresFollowed: { sequence: null, older: 0 },
    held: null,
    curve: [],
    hours: null,
    cities: null,
    products: null,
    trends: null,
    trendsFollowed: { sequence: null, older: 0 },
    alerts: null,
    failing: new Set(),
    caughtUp: new Set(),
  };
}
