// The last minutes: totals at instants, and what happened between them.

import type { RecentPoint } from '../api/decode.ts';

/** How far back the curve goes. */
export const REACH_MS = 10 * 60_000;
/** What one point of the curve covers. */
export const STEP_MS = 10_000;

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
  const from = point.at - REACH_MS - STEP_MS;
  const first = kept.findIndex((p) => p.at >= from);
  return [...(first < 0 ? [] : kept.slice(first)), point];
}

/** What the server remembers, and what came since. */
export function mergePoints(recent: readonly RecentPoint[], points: readonly CurvePoint[]): readonly CurvePoint[] {
  const known = recent.map((p) => ({ at: p.at, revenue: p.totalRevenue, orders: p.totalOrders }));
  const end = known.at(-1)?.at ?? -Infinity;
  return [...known, ...points.filter((p) => p.at > end)].reduce(addPoint, [] as readonly CurvePoint[]);
}

/**
 * Steps up to `now`, oldest first. Totals stand still between points. Before the first point nothing is known;
 * nor is the part of a step that lies ahead of `now`, so the last step is the last whole one.
 */
export function rates(points: readonly CurvePoint[], now: number): readonly Rate[] {
  const end = Math.floor(now / STEP_MS) * STEP_MS;
  const steps = REACH_MS / STEP_MS;
  const perMinute = 60_000 / STEP_MS;
  let next = 0;
  let before: CurvePoint | undefined;
  const totalsAt = (at: number) => {
    for (let point = points[next]; point && point.at <= at; point = points[next]) {
      before = point;
      next += 1;
    }
    return before;
  };
  let from = totalsAt(end - REACH_MS);
  return Array.from({ length: steps }, (_, step) => {
    const at = end - REACH_MS + (step + 1) * STEP_MS;
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
