// The REST routes.

import type * as v from 'valibot';

import { alert, cities, decodedEach, decoded, hours, pipeline, products, recent, totals, trends } from './decode.ts';
import type { Alert } from './decode.ts';
import { parseExact } from './json.ts';

/** The server answered with an error, or with something else than it should. */
export class ApiError extends Error {
  readonly status: number;

  constructor(path: string, status: number) {
    super(`${path}: ${status}`);
    this.status = status;
  }
}

/** How many names a list shows at most. */
export const LIST_LENGTH = 50;

async function json(path: string, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(path, { signal, headers: { accept: 'application/json' }, cache: 'no-store' });
  if (!response.ok) throw new ApiError(path, response.status);
  return parseExact(await response.text());
}

function route<S extends v.GenericSchema>(path: string, schema: S) {
  return async (signal: AbortSignal): Promise<v.InferOutput<S>> => {
    const value = decoded(schema, await json(path, signal));
    if (value === undefined) throw new ApiError(path, 200);
    return value;
  };
}

export const getTotals = route('/api/stats', totals);
export const getCities = route(`/api/stats/cities?limit=${LIST_LENGTH}`, cities);
export const getProducts = route(`/api/stats/products?limit=${LIST_LENGTH}`, products);
export const getHours = route('/api/stats/hourly?hours=24', hours);
export const getRecent = route('/api/stats/recent', recent);
export const getTrends = route('/api/trends', trends);
export const getPipeline = route('/api/pipeline', pipeline);

/** The latest alerts, newest first, without those that are none. */
export async function getAlerts(signal: AbortSignal): Promise<Alert[]> {
  return decodedEach(alert, await json('/api/alerts', signal));
}
