// More updates than the server would ever send, by a WebSocket that the test answers itself.

import { expect, type Page } from '@playwright/test';

const PER_SECOND = 60;
/** Orders before the flood. */
const BEFORE = 1_000_000;

interface Seen {
  readonly seen: { readonly renders: Map<number, number> };
}

export interface Flood {
  /** Sends 60 updates in each of so many seconds. */
  readonly run: (seconds: number) => Promise<void>;
  /** How many orders the last update told of. */
  readonly newest: () => number;
  /** Renders since it was asked last: in how many frames, and the most in one. */
  readonly renders: () => Promise<{ readonly frames: number; readonly most: number }>;
}

/** Opens the page at `url`, and is its server for updates. */
export async function flooded(page: Page, url: string): Promise<Flood> {
  let [sequence, sent] = [Date.now(), 0];
  let emit: (event: string, payload: unknown) => void = () => {};
  let joined = false;
  await page.routeWebSocket(/socket\.io/, (socket) => {
    socket.onMessage((text) => {
      if (text !== '40') return;
      socket.send('40{"sid":"s"}');
      joined = true;
    });
    emit = (event, payload) => socket.send(`42${JSON.stringify([event, payload])}`);
    socket.send('0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}');
  });
  await countRenders(page);
  await page.goto(url);
  await expect.poll(() => joined).toBe(true);
  const one = (n: number) => {
    sequence += 1;
    for (const [event, payload] of happenings(n, sequence)) emit(event, payload);
  };
  return {
    run: async (seconds) => {
      const [begin, first] = [Date.now(), sent];
      const last = first + seconds * PER_SECOND;
      while (sent < last) {
        const due = first + Math.floor(((Date.now() - begin) / 1000) * PER_SECOND);
        for (; sent < Math.min(due, last); sent += 1) one(sent);
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
    },
    newest: () => BEFORE + sent - 1,
    renders: async () => page.evaluate(() => {
      const { renders } = (window as unknown as Seen).seen;
      const counted = { frames: renders.size, most: Math.max(0, ...renders.values()) };
      renders.clear();
      return counted;
    }),
  };
}

/** Every change of the page by the frame in which it was made. */
async function countRenders(page: Page): Promise<void> {
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
}

function happenings(n: number, sequence: number): readonly (readonly [string, unknown])[] {
  const timestamp = new Date().toISOString();
  const revenue = {
    type: 'revenue_update', totalRevenue: 5_000_000_000_000 + n * 1_234_567, totalOrders: BEFORE + n,
    hourlyRevenue: n * 1_234_567, timestamp, sequence,
  };
  const trends = { type: 'trend_update', asOf: timestamp, windows: ['5m', '1h'].map((name) => trend(name, n)), timestamp, sequence };
  const alert = {
    alertId: `velocity:flood-${n}`, type: 'VELOCITY', rule: 'velocity', message: 'm', severity: 'CRITICAL',
    orderId: `flood-${n}`, userId: `user-${n % 50}`, timestamp, value: 11 + (n % 9), threshold: 10, settingsGeneration: 0,
  };
  return [['metrics', revenue], ...(n % 2 === 0 ? [['metrics', trends] as const] : []), ['alerts', alert]];
}

function trend(window: string, n: number) {
  const entries = Array.from({ length: 10 }, (_, rank) => ({
    name: `Product ${(rank + n) % 10}`, orders: 100 + n, revenue: n * 1_000, previousOrders: 90, previousRevenue: 1_000,
    growth: 0.1 + (n % 10) / 10, score: 9 - rank + (n % 10) / 10,
  }));
  return { window, productsByScore: entries, productsByOrders: entries, citiesByScore: entries, citiesByOrders: entries };
}
