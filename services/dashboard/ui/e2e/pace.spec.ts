// A flood of updates costs a frame each and no more.

import { readFileSync } from 'node:fs';

import { expect, test } from './fixtures.ts';
import { flooded } from './flood.ts';
import { layoutShifts, MOST } from './shifts.ts';

const SECONDS = 8;
const UPDATES = SECONDS * 60;
/** How much slower than this machine a slow device is. */
const SLOWER = 8;
/** Within this long after the last update it is shown, also by a slow device: a few frames of it. */
const AT_ONCE_MS = 3_000;
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
  const shifts = await layoutShifts(page);
  const flood = await flooded(page, shop.pipeline.url);
  await page.waitForTimeout(2_500);
  await flood.renders();
  await shifts.clear();

  const path = info.outputPath('trace.json');
  await browser.startTracing(page, { path, categories: ['toplevel', 'devtools.timeline'] });
  await flood.run(SECONDS);
  await browser.stopTracing();

  const { frames, most } = await flood.renders();
  const moved = await shifts.seen();
  const longest = longestTask(JSON.parse(readFileSync(path, 'utf8')) as { traceEvents: TraceEvent[] });
  console.log(`${UPDATES} updates in ${SECONDS} s: ${frames} renders, longest task ${(longest / 1000).toFixed(1)} ms of CPU, layout shift in the worst five seconds ${moved.most.toFixed(6)}`);
  expect(most).toBe(1);
  expect(frames).toBeGreaterThan(SECONDS);
  expect(longest).toBeLessThanOrEqual(LONGEST_TASK);
  expect(moved.boxes).toEqual([]);
  expect(moved.most).toBeLessThanOrEqual(MOST);
  await expect(page.locator('#orders data')).toHaveAttribute('value', String(flood.newest()));
});

test('a slow device draws less often, and then the newest: nothing queues up', async ({ page, shop }) => {
  const flood = await flooded(page, shop.pipeline.url);
  await page.waitForTimeout(2_500);
  const device = await page.context().newCDPSession(page);
  await device.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await flood.renders();
  await flood.run(SECONDS);
  await expect(page.locator('#orders data')).toHaveAttribute('value', String(flood.newest()), { timeout: AT_ONCE_MS });
  const { frames, most } = await flood.renders();
  console.log(`${SLOWER} times slower: ${UPDATES} updates in ${SECONDS} s, ${frames} renders`);
  expect(most).toBe(1);
  expect(frames).toBeGreaterThan(2);
  expect(frames).toBeLessThan(UPDATES / 4);
});

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
