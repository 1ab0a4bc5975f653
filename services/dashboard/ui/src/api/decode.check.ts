// What the API is documented to answer is what the page can read: this file compiles only when that is so.

import type * as v from 'valibot';

import type * as decode from './decode.ts';
import type * as api from './types.ts';

type Reads<S extends v.GenericSchema, T extends v.InferInput<S>> = [S, T];

/** One entry for each schema. */
export type Checked = [
  Reads<typeof decode.totals, api.Totals>,
  Reads<typeof decode.cities, api.CityRevenue[]>,
  Reads<typeof decode.products, api.ProductOrders[]>,
  Reads<typeof decode.hours, api.HourStats[]>,
  Reads<typeof decode.recent, api.RecentTotals[]>,
  Reads<typeof decode.alert, api.Alert>,
  Reads<typeof decode.pipeline, api.PipelineStatus>,
  Reads<typeof decode.trends, api.Trends>,
];
