// The alerts a viewer sees: newest first, each once.

import type { Alert } from '../api/decode.ts';

/** Alerts that the page keeps. */
export const KEPT = 500;
/** Alerts that the server lists. */
export const LISTED = 100;

/** An alert, with a name that no other one has. */
export interface ShownAlert extends Alert {
  readonly key: string;
  /** Whether alerts older than this one and newer than the next may be missing. */
  readonly gapAfter: boolean;
}

/** What the viewer wants to see; null is everything. */
export interface Filter {
  readonly type: string | null;
  readonly severity: string | null;
}

/** One new alert. */
export function addAlert(shown: readonly ShownAlert[], alert: Alert): readonly ShownAlert[] {
  const key = keyOf(alert);
  if (shown.some((other) => other.key === key)) return shown;
  return [{ ...alert, key, gapAfter: false }, ...shown].slice(0, KEPT);
}

/**
 * The server's list, after a connection was lost, on top of what was there. When the two do not touch, alerts were
 * raised in between that nobody told of: the last of the list says so.
 */
export function mergeAlerts(shown: readonly ShownAlert[], listed: readonly Alert[]): readonly ShownAlert[] {
  const known = new Set(shown.map((alert) => alert.key));
  const seen = new Set<string>();
  const fresh = listed.flatMap((alert) => {
    const key = keyOf(alert);
    if (known.has(key) || seen.has(key)) return [];
    seen.add(key);
    return [{ ...alert, key, gapAfter: false }];
  });
  const apart = shown.length > 0 && listed.length >= LISTED && fresh.length === listed.length;
  const last = fresh.at(-1);
  if (apart && last) fresh[fresh.length - 1] = { ...last, gapAfter: true };
  return [...fresh, ...shown].slice(0, KEPT);
}

/** Those that the filter lets through. */
export function filtered(shown: readonly ShownAlert[], filter: Filter): readonly ShownAlert[] {
  const { type, severity } = filter;
  if (type === null && severity === null) return shown;
  return shown.filter((a) => (type === null || a.type === type) && (severity === null || a.severity === severity));
}

/** The values that `field` has, in the order of their names, with those that are always offered. */
export function choices(
  shown: readonly ShownAlert[],
  field: 'type' | 'severity',
  always: readonly string[],
): readonly string[] {
  const found = new Set(shown.map((alert) => alert[field]));
  const others = [...found].filter((value) => !always.includes(value)).toSorted();
  // a topic that anybody writes to must not fill the page with choices
  return [...always, ...others.slice(0, 6)];
}

function keyOf(alert: Alert): string {
  return alert.alertId ?? `${alert.type}:${alert.orderId}:${alert.userId}:${alert.timestamp}`;
}
