// What the page says when something is away, and that it has everything afterwards.

import type { Page } from '@playwright/test';

import { expect, open, showsAll, test, values } from './fixtures.ts';
import { order } from './orders.ts';
import { watch } from './watch.ts';

const state = (page: Page) => expect(page.locator('.pill'));
const current = (page: Page) => expect(page.locator('.board'));

test('a server that hangs is noticed, its figures are not shown as current, and then it catches up', async ({ page, shop }) => {
  await open(page, shop);
  await showsAll(page, shop);
  await current(page).toHaveAttribute('data-current', 'true');
  shop.pipeline.freeze('dashboard', true);
  try {
    await state(page).toHaveAttribute('data-state', 'lost', { timeout: 15_000 });
    await current(page).toHaveAttribute('data-current', 'false');
    await expect(page.locator('.total .stale-mark').first()).toHaveText(/^lúc \d\d:\d\d:\d\d$/);
    const more = [order({ total: 1_000_000 }), order({ total: 99_000_000, userId: 'user-meanwhile' })];
    await shop.pipeline.send(more);
    shop.orders.push(...more);
  } finally {
    shop.pipeline.freeze('dashboard', false);
  }
  await state(page).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  await showsAll(page, shop);
  await expect(page.locator('.alert').filter({ hasText: 'user-meanwhile' })).toHaveCount(1);
});

test('a server that is started again is found again', async ({ page, shop }) => {
  await open(page, shop);
  await shop.pipeline.end('dashboard', 'SIGKILL');
  await state(page).toHaveAttribute('data-state', 'lost');
  const more = [order({ total: 3_000_000 }), order({ total: 88_000_000, userId: 'user-away' })];
  await shop.pipeline.send(more);
  shop.orders.push(...more);
  await shop.pipeline.run('dashboard');
  await state(page).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  await showsAll(page, shop);
  await expect(page.locator('.alert').filter({ hasText: 'user-away' })).toHaveCount(1);
});

for (const obstacle of ['refuses', 'cuts', 'swallows', 'ends'] as const) {
  test(`where something ${obstacle} WebSockets it polls, and loses nothing`, async ({ page, shop, between }) => {
    between.obstacle = obstacle;
    const polls: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('transport=polling')) polls.push(request.method());
    });
    await page.goto(between.url);
    await state(page).toHaveAttribute('data-state', 'live', { timeout: 30_000 });
    await shop.sell([order({ total: 1_000_000 }), order({ total: 77_000_000, userId: `user-${obstacle}` })]);
    await showsAll(page, shop);
    await expect(page.locator('.alert').filter({ hasText: `user-${obstacle}` })).toHaveCount(1);
    // it stays so: the connection is not given up for another try
    const { asked } = between.webSockets;
    await page.waitForTimeout(2_000);
    await state(page).toHaveAttribute('data-state', 'live');
    expect(between.webSockets).toEqual({ open: 0, asked });
    expect(polls.filter((method) => method === 'GET').length).toBeGreaterThan(2);
  });
}

test('without Socket.IO it reads, says so, and goes back to the live connection when it can', async ({ page, shop, between }) => {
  between.withoutSocketIo = true;
  await page.goto(between.url);
  await state(page).toHaveAttribute('data-state', 'polling', { timeout: 30_000 });
  await shop.sell([order({ total: 2_000_000 })]);
  await showsAll(page, shop);
  between.withoutSocketIo = false;
  await state(page).toHaveAttribute('data-state', 'live', { timeout: 30_000 });
  expect(between.webSockets.open).toBeGreaterThan(0);
});

test('a network that goes away and comes back never makes a wrong figure look current', async ({ page, shop, between }) => {
  await page.goto(between.url);
  await showsAll(page, shop);
  const watched = await watch(page);
  for (let round = 0; round < 2; round += 1) {
    between.away(true);
    await shop.sell([order({ total: 1_000_000 }), order({ total: 98_000_000, userId: `user-unseen-${round}` })]);
    watched.counted(shop.orders.length);
    await state(page).toHaveAttribute('data-state', 'lost', { timeout: 15_000 });
    await current(page).toHaveAttribute('data-current', 'false');
    between.away(false);
    await shop.sell([order({ total: 3_000_000 })]);
    watched.counted(shop.orders.length);
    await state(page).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
    await showsAll(page, shop);
    await expect(page.locator('.alert').filter({ hasText: `user-unseen-${round}` })).toHaveCount(1);
  }
  const { seen, wrong } = await watched.judge();
  expect(seen, 'looked at often').toBeGreaterThan(200);
  expect(wrong).toEqual([]);
});

test('views that are stopped are noticed as figures that are behind', async ({ page, shop }) => {
  await open(page, shop);
  await showsAll(page, shop);
  const before = await values(page, '#orders');
  await shop.pipeline.end('views');
  // the first of them only shows that nothing was shown yet
  for (let n = 0; n < 3; n += 1) {
    const more = [order({ total: 1_000_000 })];
    await shop.pipeline.send(more);
    shop.orders.push(...more);
    await page.waitForTimeout(1_500);
  }
  await state(page).toHaveAttribute('data-state', 'behind', { timeout: 30_000 });
  await current(page).toHaveAttribute('data-current', 'false');
  expect(await values(page, '#orders')).toEqual(before);
  await shop.pipeline.run('views');
  await state(page).toHaveAttribute('data-state', 'live', { timeout: 30_000 });
  await showsAll(page, shop);
});

test('a stage that is stopped is noticed by the orders that wait', async ({ page, shop }) => {
  await open(page, shop);
  await shop.pipeline.end('process');
  const more = Array.from({ length: 5 }, () => order({ total: 1_000_000 }));
  await shop.pipeline.send(more);
  shop.orders.push(...more);
  await state(page).toHaveAttribute('data-state', 'behind', { timeout: 30_000 });
  await expect(page.locator('.pipeline dl')).toContainText(/Đơn đang chờ\s*5/);
  await shop.pipeline.run('process');
  await state(page).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  await showsAll(page, shop);
});
