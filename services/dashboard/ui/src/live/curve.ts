// The last minutes: totals at instants, and what happened between them.

import type { RecentPoint } from '../api/decode.ts';

/** How far back a curve goes, and what one of its points covers, in ms. */
export interface Scale {
  readonly reach: number;
  readonly step: number;
}

/** A pipeline that has just begun is looked at more closely, so that there is something to see. */
export const SCALES: readonly [Scale, ...Scale[]] = [
  { reach: 600_000, step: 10_000 },
  { reach: 180_000, step: 5_000 },
  { reach: 60_000, step: 2_000 },
];
/** What is remembered. */
const REACH_MS = SCALES[0].reach + SCALES[0].step;

/** Totals at one instant. */
export interface CurvePoint {
  /** Milliseconds since the Unix epoch, by the server's clock. */
  readonly at: number;
  readonly revenue: bigint;
  readonly orders: bigint;
}

/** What happened in one step; null where it is not known. */
export interface Rate {
  /** When the step ended, in seconds since the Unix epoch. */
  readonly at: number;
  /** VND a minute. */
  readonly revenue: number | null;
  /** Orders a minute. */
  readonly orders: number | null;
}

/** The points with one more, at most one a second; older than the reach of the curve are let go. */
export function addPoint(points: readonly CurvePoint[], point: CurvePoint): readonly CurvePoint[] {
  const last = points.at(-1);
  if (last && point.at < last.at) return points;
  // totals never shrink unless the pipeline began anew
  if (last && point.orders < last.orders) return [point];
  const kept = last && Math.floor(last.at / 1000) === Math.floor(point.at / 1000) ? points.slice(0, -1) : points;
  const from = point.at - REACH_MS;
  const first = kept.findIndex((p) => p.at >= from);
  return [...(first < 0 ? [] : kept.slice(first)), point];
}

/** What the server remembers, and what came since. */
export function mergePoints(recent: readonly RecentPoint[], points: readonly CurvePoint[]): readonly CurvePoint[] {
  const known = recent.map((p) => ({ at: p.at, revenue: p.totalRevenue, orders: p.totalOrders }));
  const end = known.at(-1)?.at ?? -Infinity;
  return [...known, ...points.filter((p) => p.at > end)].reduce(addPoint, [] as readonly CurvePoint[]);
}

/** The closest scale on which everything that is known has room. */
export function scaleOf(points: readonly CurvePoint[], now: number): Scale {
  const age = now - (points[0]?.at ?? now);
  return SCALES.findLast((scale) => scale.reach >= age) ?? SCALES[0];
}

/**
 * Steps up to `now`, oldest first. Totals stand still between points. Before the first point nothing is known;
 * nor is the part of a step that lies ahead of `now`, so the last step is the last whole one.
 */
export function rates(points: readonly CurvePoint[], now: number, { reach, step }: Scale): readonly Rate[] {
  const end = Math.floor(now / step) * step;
  const perMinute = 60_000 / step;
  let next = 0;
  let before: CurvePoint | undefined;
  const totalsAt = (at: number) => {
    for (let point = points[next]; point && point.at <= at; point = points[next]) {
      before = point;
      next += 1;
    }
    return before;
  };
  let from = totalsAt(end - reach);
  return Array.from({ length: reach / step }, (_, index) => {
    const at = end - reach + (index + 1) * step;
    const [start, stop] = [from, totalsAt(at)];
    from = stop;
    const known = start !== undefined && stop !== undefined;
    return {
      at: at / 1000,
      revenue: known ? Number(stop.revenue - start.revenue) * perMinute : null,
      orders: known ? Number(stop.orders - start.orders) * perMinute : null,
    };
  });
}
