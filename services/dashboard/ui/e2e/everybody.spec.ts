// Whoever looks, on whatever: keyboard, screen reader, language, size.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';

import type { Page } from '@playwright/test';

import { cutOff, expect, open, showsAll, test } from './fixtures.ts';
import { ARTEFACTS } from './pipeline.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SIZES = {
  phone: { width: 390, height: 844 },
  laptop: { width: 1440, height: 900 },
  small: { width: 1280, height: 720 },
  wall: { width: 1920, height: 1080 },
} as const;

interface Finding {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

async function findings(page: Page): Promise<string[]> {
  // the policy of the page lets no script in; the debugger may
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run: () => Promise<{ violations: Finding[] }> } }).axe.run());
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`));
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const look of ['light', 'dark'] as const) {
    test(`nothing serious for people with aids, nothing cut off: ${size}, ${look}`, async ({ page, shop }) => {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: look, reducedMotion: 'reduce' });
      await open(page, shop);
      await showsAll(page, shop);
      await expect(page.locator('.alert').first()).toBeVisible();
      await page.screenshot({ path: join(ARTEFACTS, `${size}-${look}.png`), fullPage: size === 'phone' });
      expect(await findings(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      if (size !== 'phone') expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0);
      expect(await cutOff(page)).toEqual([]);
      await page.locator('.alert').first().click();
      expect(await findings(page)).toEqual([]);
      await page.screenshot({ path: join(ARTEFACTS, `${size}-${look}-details.png`) });
    });
  }
}

test('everything can be done with the keyboard', async ({ page, shop }) => {
  await open(page, shop);
  await page.keyboard.press('Tab');
  await expect(page.locator('.skip')).toBeFocused();
  await page.keyboard.press('Enter');
  const reached = new Set<string>();
  for (let n = 0; n < 12; n += 1) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => document.activeElement?.className || document.activeElement?.tagName || ''));
  }
  expect([...reached]).toContain('alert');
  const alert = page.locator('.alert').first();
  await alert.focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('.details')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(alert).toBeFocused();

  await page.locator('.bars-place').focus();
  const told = () => page.locator('.told').innerText();
  const newest = await told();
  await page.keyboard.press('ArrowLeft');
  expect(await told()).not.toBe(newest);
  await page.keyboard.press('ArrowRight');
  expect((await told()).slice(0, 11)).toBe(newest.slice(0, 11));
});

test('both languages, and the choice is kept', async ({ page, shop }) => {
  await open(page, shop);
  await expect(page.locator('html')).toHaveAttribute('lang', 'vi');
  await expect(page.locator('.as-of')).toContainText('GMT+7');
  await page.getByRole('button', { name: 'English' }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await expect(page.getByRole('heading', { name: 'Revenue by city' })).toBeVisible();
  await page.reload();
  await expect(page.locator('.pill')).toContainText('Live');
  await expect(page).toHaveTitle('Millrace: live sales');
});

test('times are those of the viewer, and the zone stands beside them', async ({ browser, shop }) => {
  const context = await browser.newContext({ locale: 'vi-VN', timezoneId: 'Asia/Kolkata' });
  const page = await context.newPage();
  await open(page, shop);
  await expect(page.locator('.as-of')).toContainText('GMT+5:30');
  await expect(page.locator('#alerts-heading')).toContainText('GMT+5:30');
  const hours = await page.locator('.hours tbody th').allTextContents();
  expect(hours).toHaveLength(24);
  expect(hours.filter((hour) => !/^\d\d:30$/.test(hour))).toEqual([]);
  await context.close();
});

test('the look can be chosen and is kept from the first paint on', async ({ page, shop }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await open(page, shop);
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await page.locator('.look').click();
  await page.locator('.look').click();
  expect(await ground()).not.toBe(light);
  await page.reload({ waitUntil: 'commit' });
  await expect(page.locator('html')).toHaveAttribute('data-look', 'dark');
});

test('a list that somebody points at stands still, and says what waits', async ({ page, shop }) => {
  const { order } = await import('./orders.ts');
  await open(page, shop);
  const first = page.locator('.alert').first();
  await first.hover();
  const before = await first.getAttribute('data-key');
  await shop.sell([order({ total: 66_000_000 }), order({ total: 67_000_000 })]);
  await expect(page.locator('.held')).toHaveText('2 mới');
  expect(await first.getAttribute('data-key')).toBe(before);
  await page.mouse.move(5, 5);
  await expect(page.locator('.held')).toBeHidden();
  await expect(first).not.toHaveAttribute('data-key', before ?? '');
});
