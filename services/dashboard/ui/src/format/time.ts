// Times in the viewer's zone.

import { type Language, localeOf } from './money.ts';

interface Clocks {
  readonly second: Intl.DateTimeFormat;
  readonly minute: Intl.DateTimeFormat;
  readonly full: Intl.DateTimeFormat;
  readonly zone: Intl.DateTimeFormat;
}

const clocks = new Map<Language, Clocks>();

function clocksOf(language: Language): Clocks {
  const known = clocks.get(language);
  if (known) return known;
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(localeOf(language), { hourCycle: 'h23', ...options });
  const made: Clocks = {
    second: format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    minute: format({ hour: '2-digit', minute: '2-digit' }),
    full: format({ dateStyle: 'medium', timeStyle: 'long' }),
    zone: format({ timeZoneName: 'shortOffset' }),
  };
  clocks.set(language, made);
  return made;
}

/** `20:51:03`. */
export function clock(language: Language, ms: number): string {
  return clocksOf(language).second.format(ms);
}

/** `20:51`. */
export function hourAndMinute(language: Language, ms: number): string {
  return clocksOf(language).minute.format(ms);
}

/** Date, time and zone. */
export function fullTime(language: Language, ms: number): string {
  return clocksOf(language).full.format(ms);
}

/** The zone at that instant, as `GMT+7`. */
export function zone(language: Language, ms: number): string {
  const parts = clocksOf(language).zone.formatToParts(ms);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
}

/** The instant at which a UTC hour, `2026-11-22T17`, begins. */
export function hourBegin(hour: string): number {
  return Date.parse(`${hour}:00:00Z`);
}

/** The hour of the day in the viewer's zone: `17`, or `17:30` where zones are half hours off. */
export function hourLabel(language: Language, ms: number): string {
  const minutes = new Date(ms).getMinutes();
  if (minutes !== 0) return hourAndMinute(language, ms);
  return String(new Date(ms).getHours()).padStart(2, '0');
}
