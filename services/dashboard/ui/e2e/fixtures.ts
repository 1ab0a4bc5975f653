// What the tests have at hand: one pipeline for all of them, and pages that must not break anything.

import { test as base, expect, type Page } from '@playwright/test';

import { Between } from './between.ts';
import { expected, type Order, someOrders } from './orders.ts';
import { Pipeline } from './pipeline.ts';

/** The pipeline and every order it was sent. */
export interface Shop {
  readonly pipeline: Pipeline;
  readonly orders: Order[];
  /** Sends orders and waits until they are counted. */
  readonly sell: (orders: readonly Order[]) => Promise<void>;
}

interface Worker {
  readonly shop: Shop;
}

interface Each {
  /** Fails the test when a page says something on its console or breaks. */
  readonly quiet: void;
  /** A proxy before the dashboard, for what goes wrong on the way. */
  readonly between: Between & { readonly url: string };
}

export const test = base.extend<Each, Worker>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of what is asked for
  shop: [async ({}, use) => {
    const pipeline = new Pipeline();
    try {
      await pipeline.start();
      const orders: Order[] = [];
      const sell = async (more: readonly Order[]) => {
        await pipeline.send(more);
        orders.push(...more);
        await pipeline.counted(orders.length);
      };
      await sell(someOrders());
      await use({ pipeline, orders, sell });
    } finally {
      await pipeline.stop();
    }
  }, { scope: 'worker', timeout: 180_000 }],

  between: async ({ shop }, use) => {
    const between = new Between(shop.pipeline.url);
    const url = await between.start();
    await use(Object.assign(between, { url }));
    await between.stop();
  },

  quiet: [async ({ page }, use) => {
    const said: string[] = [];
    page.on('pageerror', (error) => said.push(error.message));
    page.on('console', (message) => {
      const failedRequest = message.text().startsWith('Failed to load resource') || message.text().includes('WebSocket connection');
      if (['error', 'warning'].includes(message.type()) && !failedRequest) said.push(message.text());
    });
    await use();
    expect(said).toEqual([]);
  }, { auto: true }],
});

export { expect };

/** Opens the page and waits until it is live. */
export async function open(page: Page, shop: Shop): Promise<void> {
  await page.goto(shop.pipeline.url);
  await expect(page.locator('.pill')).toHaveAttribute('data-state', 'live');
}

/** What somebody who comes by has to see within ten seconds: revenue, orders, cities, products, alerts, and that it is live. */
export async function newcomer(page: Page): Promise<void> {
  const limit = { timeout: 10_000 };
  await Promise.all([
    expect(page.locator('.pill')).toHaveAttribute('data-state', 'live', limit),
    expect.poll(() => values(page, '#revenue').then(([revenue = 0]) => revenue), limit).toBeGreaterThan(0),
    expect.poll(() => values(page, '#orders').then(([orders = 0]) => orders), limit).toBeGreaterThan(0),
    expect.poll(() => values(page, '#cities').then((all) => all.length), limit).toBeGreaterThan(2),
    expect.poll(() => values(page, '#products').then((all) => all.length), limit).toBeGreaterThan(2),
    expect(page.locator('.alert').first()).toBeVisible(limit),
  ]);
}

/** Texts of the page's own that do not fit where they stand. Names of products and the like may be cut, with dots. */
export async function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const own = '.figure, .exact, .reach, .pill, .pipeline p, .pipeline dd, h2, .told, .choice span, .severity, thead th, .alert time, .score, .ranking td, .trends td, .why';
    return [...document.querySelectorAll<HTMLElement>(own)]
      .filter((one) => one.closest('.hidden') === null && one.offsetParent !== null)
      .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 && getComputedStyle(one).display !== 'inline')
      .map((one) => `${one.className || one.tagName}: ${one.textContent}`);
  });
}

/** Numbers as they stand in `<data value>`. */
export async function values(page: Page, selector: string): Promise<number[]> {
  const texts = await page.locator(`${selector} data`).evaluateAll((all) => all.map((one) => (one as HTMLDataElement).value));
  return texts.map(Number);
}

/** Waits until the page shows what follows from all orders, to the last đồng. */
export async function showsAll(page: Page, shop: Shop): Promise<void> {
  const wanted = expected(shop.orders);
  const shown = async () => [...(await values(page, '#revenue')), ...(await values(page, '#orders')), ...(await values(page, '#average'))];
  await expect.poll(shown).toEqual([wanted.revenue, wanted.orders, wanted.average]);
}
