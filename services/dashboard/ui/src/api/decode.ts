// What comes from the server, checked before anything else sees it. Topics hold what anybody wrote to them:
// what is not of the shape that the OpenAPI document describes is dropped here.

import * as v from 'valibot';

/** A whole number of any size: VND or a count. */
const amount = v.pipe(
  v.union([v.pipe(v.number(), v.integer()), v.bigint()]),
  v.transform((value) => BigInt(value)),
);
/** An instant, as milliseconds since the Unix epoch. */
const instant = v.pipe(
  v.string(),
  v.transform((text) => Date.parse(text)),
  v.check((ms) => Number.isFinite(ms)),
);
const sequence = v.pipe(v.number(), v.integer(), v.minValue(0));

export const totals = v.object({ totalRevenue: amount, totalOrders: amount, avgOrderValue: amount });
export const cities = v.array(v.object({ city: v.string(), revenue: amount }));
export const products = v.array(v.object({ product: v.string(), orders: amount }));
export const hours = v.array(
  v.object({
    hour: v.pipe(v.string(), v.regex(/^\d{4,}-\d\d-\d\dT\d\d$/)),
    revenue: amount,
    orders: amount,
  }),
);
export const recent = v.array(v.object({ at: instant, totalRevenue: amount, totalOrders: amount }));

const trendEntry = v.object({
  name: v.string(),
  orders: amount,
  revenue: amount,
  previousOrders: amount,
  previousRevenue: amount,
  growth: v.nullish(v.number()),
  score: v.number(),
});
const trendWindow = v.object({
  window: v.string(),
  productsByScore: v.array(trendEntry),
  productsByOrders: v.array(trendEntry),
  citiesByScore: v.array(trendEntry),
  citiesByOrders: v.array(trendEntry),
});
export const trends = v.object({ asOf: v.nullish(instant, null), windows: v.array(trendWindow) });

/** An alert. Programs other than ours may leave out what the original course project did not have. */
export const alert = v.object({
  alertId: v.optional(v.string()),
  type: v.string(),
  message: v.string(),
  severity: v.string(),
  orderId: v.string(),
  userId: v.string(),
  timestamp: instant,
  rule: v.optional(v.string()),
  value: v.optional(amount),
  threshold: v.optional(amount),
  settingsGeneration: v.optional(amount),
});

export const update = v.variant('type', [
  v.object({
    type: v.literal('revenue_update'),
    totalRevenue: amount,
    totalOrders: amount,
    hourlyRevenue: amount,
    timestamp: instant,
    sequence: v.optional(sequence),
  }),
  v.object({
    type: v.literal('trend_update'),
    asOf: instant,
    windows: v.array(trendWindow),
    timestamp: instant,
    sequence: v.optional(sequence),
  }),
]);

export const pipeline = v.object({
  now: instant,
  missing: v.array(v.string()),
  updates: v.array(
    v.object({ type: v.string(), sequence: v.nullish(sequence, null), timestamp: v.nullish(instant, null) }),
  ),
  stages: v.array(
    v.object({ stage: v.string(), unread: v.nullish(amount, null), behindSeconds: v.nullish(v.number(), null) }),
  ),
  unshownSeconds: v.nullish(v.number(), null),
});

export type Totals = v.InferOutput<typeof totals>;
export type City = v.InferOutput<typeof cities>[number];
export type Product = v.InferOutput<typeof products>[number];
export type Hour = v.InferOutput<typeof hours>[number];
export type RecentPoint = v.InferOutput<typeof recent>[number];
export type TrendEntry = v.InferOutput<typeof trendEntry>;
export type TrendWindow = v.InferOutput<typeof trendWindow>;
export type Trends = v.InferOutput<typeof trends>;
export type Alert = v.InferOutput<typeof alert>;
export type Update = v.InferOutput<typeof update>;
export type Pipeline = v.InferOutput<typeof pipeline>;

/** The value if it is of that shape. */
export function decoded<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> | undefined {
  const result = v.safeParse(schema, value);
  return result.success ? result.output : undefined;
}

/** The entries that are of that shape. */
export function decodedEach<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S>[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry) => {
    const one = v.safeParse(schema, entry);
    return one.success ? [one.output] : [];
  });
}
