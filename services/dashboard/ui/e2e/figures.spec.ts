// What the page shows is what the API answers, and what follows from the orders.

import { compact } from '../src/format/money.ts';
import { SCALES } from '../src/live/curve.ts';
import { drawn, rememberCurves, revenueASteps, type Totals } from './drawn.ts';
import { expect, open, showsAll, test, values } from './fixtures.ts';
import { expected, order } from './orders.ts';

const plain = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ');
const grouped = (n: number) => String(n).replaceAll(/\B(?=(\d{3})+$)/g, '.');

test('totals, rankings and hours are those of the orders and of the API', async ({ page, shop }) => {
  await open(page, shop);
  await showsAll(page, shop);
  const wanted = expected(shop.orders);
  const api = await shop.pipeline.get<{ totalRevenue: number; totalOrders: number; avgOrderValue: number }>('/api/stats');
  expect([api.totalRevenue, api.totalOrders, api.avgOrderValue]).toEqual([wanted.revenue, wanted.orders, wanted.average]);
  expect(plain(await page.locator('#revenue-exact').innerText())).toBe(`${grouped(wanted.revenue)} ₫`);
  expect(plain(await page.locator('#average-exact').innerText())).toBe(`${grouped(wanted.average)} ₫`);

  for (const [id, rows, route] of [
    ['cities', wanted.cities.map((one) => [one.city, one.revenue] as const), '/api/stats/cities'],
    ['products', wanted.products.map((one) => [one.product, one.orders] as const), '/api/stats/products'],
  ] as const) {
    const names = () => page.locator(`#${id} tbody th`).allInnerTexts();
    await expect.poll(names).toEqual(rows.slice(0, 50).map(([name]) => name));
    await expect.poll(() => values(page, `#${id}`)).toEqual(rows.slice(0, 50).map(([, amount]) => amount));
    const answer = await shop.pipeline.get<Record<string, string | number>[]>(route);
    expect(answer.map((one) => Object.values(one))).toEqual(rows.map(([name, amount]) => [name, amount]));
  }

  const hours = await shop.pipeline.get<{ hour: string; revenue: number }[]>('/api/stats/hourly?hours=24');
  expect(hours.map((one) => one.revenue)).toEqual(hours.map((one) => wanted.hours.get(one.hour) ?? 0));
  await expect.poll(() => values(page, '.hours table')).toEqual(hours.map((one) => one.revenue));
  const shown = await page.locator('.hours tbody th').allTextContents();
  const local = hours.map((one) => `${String((Number(one.hour.slice(11)) + 7) % 24).padStart(2, '0')}:00`);
  expect(shown).toEqual(local);
});

test('a new order is on the page within a moment, without loading it again', async ({ page, shop }) => {
  await open(page, shop);
  await showsAll(page, shop);
  const [before = 0] = await values(page, '#orders');
  await shop.sell([order({ total: 25_000_000, city: 'Huế' })]);
  await showsAll(page, shop);
  expect(await values(page, '#orders')).toEqual([before + 1]);
  await expect(page.locator('#cities')).toContainText('Huế');
});

test('numbers beyond what JavaScript holds are shown to the last digit', async ({ page, shop }) => {
  await page.route('**/api/stats', (route) => route.fulfill({
    contentType: 'application/json',
    body: '{"totalRevenue":170141183460469231731687303715884105727,"totalOrders":9007199254740993,"avgOrderValue":18889465931478580854}',
  }));
  await page.routeWebSocket(/socket\.io/, () => {}); // silent: REST is all there is
  await page.goto(shop.pipeline.url);
  await expect(page.locator('#revenue-exact')).toContainText('170.141.183.460.469.231.731.687.303.715.884.105.727');
  await expect(page.locator('#orders')).toContainText('9.007.199.254.740.993');
});

test('alerts come as they are raised, and open to all that is known of them', async ({ page, shop }) => {
  await open(page, shop);
  const wanted = expected(shop.orders);
  const keys = () => page.locator('.alert').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset['key']));
  await expect.poll(async () => (await keys()).toSorted()).toEqual([...wanted.alerts].toSorted());

  const [high] = [order({ total: 75_000_000, userId: 'user-rich' })];
  await shop.sell([high]);
  await expect(page.locator('.alert').first()).toContainText('Đơn 75 triệu ₫, vượt 50 triệu');
  await page.locator('.alert').first().click();
  const facts = async () => Object.fromEntries(await page.locator('.details dd').evaluateAll((all) =>
    all.map((one) => [(one as HTMLElement).dataset['fact'], one.textContent?.replaceAll('\u00a0', ' ')] as const)));
  expect(await facts()).toMatchObject({
    order: high.orderId,
    user: 'user-rich',
    rule: 'high-value',
    value: '75.000.000 ₫',
    threshold: '50.000.000 ₫',
    settings: '0 (mặc định có sẵn)',
    message: `Order ${high.orderId}: 75.0M exceeds threshold`,
    id: `high-value:${high.orderId}`,
  });
  await page.keyboard.press('Escape');
  await expect(page.locator('.details')).toBeHidden();

  await page.getByText('Nhiều đơn', { exact: true }).click();
  await expect.poll(async () => new Set(await keys())).toEqual(new Set(wanted.alerts.filter((id) => id.startsWith('velocity'))));
  await page.getByText('Cao', { exact: true }).first().click();
  await expect(page.locator('.alerts')).toContainText('Không có cảnh báo loại này');
});

test('what rises is shown with the reason', async ({ page, shop }) => {
  await shop.sell(Array.from({ length: 12 }, () => order({ total: 2_000_000, product: 'Tai nghe', city: 'Đà Nẵng' })));
  await open(page, shop);
  const trends = await shop.pipeline.get<{ windows: { productsByScore: { name: string; orders: number; score: number }[] }[] }>('/api/trends');
  const [top] = trends.windows[0]?.productsByScore ?? [];
  const row = page.locator('.trends tbody tr').first();
  await expect(row.locator('th')).toHaveText(top?.name ?? '');
  await expect(row.locator('td').nth(1)).toHaveText(String(top?.orders));
  await expect(row.locator('.score')).toHaveText((top?.score ?? 0).toFixed(1).replace('.', ','));
  await page.getByText('1 giờ', { exact: true }).click();
  await expect(page.locator('.why')).toContainText('1 giờ');
});

test('the curve of revenue draws what the API remembers, and says it in words', async ({ page, shop }) => {
  await rememberCurves(page);
  await open(page, shop);
  for (const total of [9_000_000, 30_000_000, 3_000_000, 18_000_000, 24_000_000, 12_000_000]) {
    await shop.sell([order({ total })]);
    await page.waitForTimeout(2_100);
  }
  // how the curve is cut depends on how long the pipeline has been looked at, and where it ends on the moment
  const off = async () => {
    const { heights, places } = await drawn(page, 'revenue');
    const label = await page.locator('.total').filter({ has: page.locator('#revenue') }).locator('.curve').getAttribute('aria-label') ?? '';
    const recent = await shop.pipeline.get<Totals[]>('/api/stats/recent');
    const wanted = SCALES.flatMap((scale) => [0, 1, 2].map((back) =>
      revenueASteps(recent, (Math.floor(Date.now() / scale.step) - back) * scale.step, scale)));
    const differences = wanted
      .filter((steps) => steps.length === heights.length && Math.max(...steps) > 0)
      .filter((steps) => plain(label).includes(`cao nhất ${plain(compact('vi', BigInt(Math.max(...steps))))}`))
      .map((steps) => Math.max(...steps.map((value, n) => Math.abs(value / Math.max(...steps) - (heights[n] ?? 0)))));
    const uneven = Math.max(...places.map((place, n) => Math.abs(place - n / (places.length - 1))));
    return Math.max(uneven, Math.min(...differences));
  };
  // a pixel of the line's height and the rounding of it to whole ones
  await expect.poll(off).toBeLessThan(0.03);
  // wherever the steps come to lie as time goes on; a step may just begin between the two looks
  let alike = 0;
  for (let n = 0; n < 12; n += 1) {
    await page.waitForTimeout(700);
    if (await off() < 0.03) alike += 1;
  }
  expect(alike).toBeGreaterThan(9);
});
