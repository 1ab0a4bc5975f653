// A flood of updates costs a frame each and no more.

import { readFileSync } from 'node:fs';

import { expect, test } from './fixtures.ts';
import { layoutShifts, MOST } from './shifts.ts';

const SECONDS = 8;
const PER_SECOND = 60;
/** A task may take this long, in microseconds of CPU. */
const LONGEST_TASK = 50_000;

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

test('60 updates a second cause at most one render a frame, no long task, and nothing moves', async ({ page, browser, shop }, info) => {
  let sequence = Date.now();
  let sent = 0;
  let joined: (() => void) | undefined;
  const connected = new Promise<void>((resolve) => (joined = resolve));
  let emit: (event: string, payload: unknown) => void = () => {};
  await page.routeWebSocket(/socket\.io/, (socket) => {
    socket.onMessage((text) => {
      if (text !== '40') return;
      socket.send('40{"sid":"s"}');
      joined?.();
    });
    emit = (event, payload) => socket.send(`42${JSON.stringify([event, payload])}`);
    socket.send('0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}');
  });
  const shifts = await layoutShifts(page);
  await page.addInitScript(() => {
    const seen = { renders: new Map<number, number>() };
    Object.assign(window, { seen });
    document.addEventListener('DOMContentLoaded', () => {
      const root = document.getElementById('root');
      if (!root) return;
      new MutationObserver(() => {
        const frame = Number(document.timeline.currentTime);
        seen.renders.set(frame, (seen.renders.get(frame) ?? 0) + 1);
      }).observe(root, { childList: true, subtree: true, characterData: true, attributes: true });
    });
  });
  await page.goto(shop.pipeline.url);
  await connected;
  await page.waitForTimeout(2_500);
  await page.evaluate(() => (window as unknown as { seen: { renders: Map<number, number> } }).seen.renders.clear());
  await shifts.clear();

  const path = info.outputPath('trace.json');
  await browser.startTracing(page, { path, categories: ['toplevel', 'devtools.timeline'] });
  const begin = Date.now();
  while (Date.now() - begin < SECONDS * 1000) {
    const due = Math.floor(((Date.now() - begin) / 1000) * PER_SECOND);
    for (; sent < due; sent += 1) flood(sent);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  await browser.stopTracing();

  const seen = await page.evaluate(() => {
    const { renders } = (window as unknown as { seen: { renders: Map<number, number> } }).seen;
    return { most: Math.max(...renders.values()), frames: renders.size };
  });
  const moved = await shifts.seen();
  const longest = longestTask(JSON.parse(readFileSync(path, 'utf8')) as { traceEvents: TraceEvent[] });
  console.log(`${sent} updates in ${SECONDS} s: ${seen.frames} renders, longest task ${(longest / 1000).toFixed(1)} ms of CPU, layout shift in the worst five seconds ${moved.most.toFixed(6)}`);
  expect(sent).toBeGreaterThanOrEqual(SECONDS * PER_SECOND - PER_SECOND);
  expect(seen.most).toBe(1);
  expect(seen.frames).toBeGreaterThan(SECONDS);
  expect(longest).toBeLessThanOrEqual(LONGEST_TASK);
  expect(moved.boxes).toEqual([]);
  expect(moved.most).toBeLessThanOrEqual(MOST);
  await expect.poll(() => page.locator('#orders data').getAttribute('value')).toBe(String(1_000_000 + sent - 1));

  function flood(n: number): void {
    const timestamp = new Date().toISOString();
    sequence += 1;
    emit('metrics', {
      type: 'revenue_update', totalRevenue: 5_000_000_000_000 + n * 1_234_567, totalOrders: 1_000_000 + n,
      hourlyRevenue: n * 1_234_567, timestamp, sequence,
    });
    if (n % 2 === 0) emit('metrics', { type: 'trend_update', asOf: timestamp, windows: ['5m', '1h'].map((name) => trend(name, n)), timestamp, sequence });
    emit('alerts', {
      alertId: `velocity:flood-${n}`, type: 'VELOCITY', rule: 'velocity', message: 'm', severity: 'CRITICAL',
      orderId: `flood-${n}`, userId: `user-${n % 50}`, timestamp, value: 11 + (n % 9), threshold: 10, settingsGeneration: 0,
    });
  }
});

function trend(window: string, n: number) {
  const entries = Array.from({ length: 10 }, (_, rank) => ({
    name: `Product ${(rank + n) % 10}`, orders: 100 + n, revenue: n * 1_000, previousOrders: 90, previousRevenue: 1_000,
    growth: 0.1 + (n % 10) / 10, score: 9 - rank + (n % 10) / 10,
  }));
  return { window, productsByScore: entries, productsByOrders: entries, citiesByScore: entries, citiesByOrders: entries };
}

/** The CPU time of the longest task of the page's main thread, in microseconds. */
function longestTask({ traceEvents }: { readonly traceEvents: readonly TraceEvent[] }): number {
  const main = new Set(traceEvents
    .filter((event) => event.name === 'thread_name' && event.args?.name === 'CrRendererMain')
    .map((event) => `${event.pid} ${event.tid}`));
  const tasks = traceEvents.filter((event) => event.name.endsWith('RunTask') && main.has(`${event.pid} ${event.tid}`));
  expect(tasks.length).toBeGreaterThan(100);
  const timed = tasks.filter((task) => task.tdur !== undefined);
  // without the thread's own clock there is only the one on the wall
  return Math.max(...(timed.length > 0 ? timed.map((task) => task.tdur ?? 0) : tasks.map((task) => task.dur ?? 0)));
}
