// Text that users put into orders is text and nothing else.

import { expect, open, showsAll, test } from './fixtures.ts';
import { PAYLOADS, payloadOrders } from './orders.ts';

test('names of products, cities and users that look like markup do not run', async ({ page, shop }) => {
  expect(PAYLOADS).toHaveLength(50);
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await page.addInitScript(() => {
    const violations: string[] = [];
    Object.assign(window, { violations });
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
  });
  await open(page, shop);
  await shop.sell(payloadOrders()); // while it is open: over both ways
  await showsAll(page, shop);
  for (const selector of ['#products tbody th', '#cities tbody th']) {
    await expect.poll(async () => (await page.locator(selector).allTextContents()).toSorted(), { message: selector })
      .toEqual([...PAYLOADS].toSorted());
  }
  const users = () => page.locator('.alert .user').allTextContents();
  const unseen = async () => {
    const shown = new Set(await users());
    return PAYLOADS.filter((payload) => !shown.has(payload));
  };
  await expect.poll(unseen).toEqual([]);
  for (const row of await page.locator('.alert').all().then((all) => all.slice(0, 50))) {
    await row.click();
    await page.locator('.details .close').click();
  }
  await page.reload();
  await expect(page.locator('.pill')).toHaveAttribute('data-state', 'live');
  await page.mouse.move(700, 400);
  expect(await page.evaluate(() => (window as unknown as { hit?: number }).hit)).toBeUndefined();
  expect(await page.evaluate(() => (window as unknown as { violations: string[] }).violations)).toEqual([]);
  expect(dialogs).toEqual([]);
  expect(await page.evaluate(() => document.querySelectorAll('#root script, #root img, #root iframe, #root object').length)).toBe(0);
});
