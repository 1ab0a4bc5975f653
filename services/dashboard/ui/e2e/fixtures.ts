// What the tests have at hand: one pipeline for all of them, and pages that must not break anything.

import { test as base, expect, type Page } from '@playwright/test';

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
