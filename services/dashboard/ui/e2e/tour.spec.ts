// The page as somebody sees it who comes by: orders flow, on a phone, a laptop and a wall. What was seen is kept.

import { join } from 'node:path';

import type { Page } from '@playwright/test';

import { axes, rememberCurves } from './drawn.ts';
import { cutOff, expect, newcomer, test } from './fixtures.ts';
import { aDay } from './orders.ts';
import { ARTEFACTS, Pipeline, runDemo } from './pipeline.ts';
import { layoutShifts, MOST } from './shifts.ts';

const SIZES = {
  phone: { width: 390, height: 844 },
  laptop: { width: 1440, height: 900 },
  wall: { width: 1920, height: 1080 },
} as const;
/** How long it is watched whether anything moves. */
const WATCHED_MS = 15_000;

test.describe('while orders flow', () => {
  const pipeline = new Pipeline('tour');
  test.beforeAll(async () => {
    test.setTimeout(120_000);
    await pipeline.start();
    await pipeline.send(aDay(Date.now()));
    await pipeline.run('simulate');
  });
  test.afterAll(async () => pipeline.stop());

  test('nothing moves as numbers change', async ({ page }) => {
    const shifts = await layoutShifts(page);
    await page.goto(pipeline.url);
    await live(page);
    await page.waitForTimeout(2_000);
    const before = await orders(page);
    await shifts.clear();
    await page.waitForTimeout(WATCHED_MS);
    expect(await orders(page) - before, 'orders came').toBeGreaterThan(WATCHED_MS / 1_000);
    const { most, boxes, texts } = await shifts.seen();
    console.log(`layout shift in the worst five seconds: ${most.toFixed(6)} (${texts.join('; ')})`);
    expect(boxes).toEqual([]);
    expect(most).toBeLessThanOrEqual(MOST);
  });

  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const look of ['light', 'dark'] as const) {
      for (const language of ['vi', 'en'] as const) {
        test(`on a ${size}, ${look}, ${language}`, async ({ page }) => {
          await page.setViewportSize(viewport);
          await page.emulateMedia({ colorScheme: look });
          await page.goto(pipeline.url);
          if (language === 'en') await page.getByRole('button', { name: 'English' }).click();
          await live(page);
          await expect(page.locator('.alert').first()).toBeVisible();
          await expect(page.locator('.trends tbody tr').first()).toBeVisible();
          await page.waitForTimeout(1_000);
          if (size === 'phone') await asLongAsThePage(page);
          await page.screenshot({ path: join(ARTEFACTS, 'tour', `${size}-${look}-${language}.png`) });
          expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
          expect(await cutOff(page)).toEqual([]);
        });
      }
    }
  }
});

test('a newcomer who starts the demo sees within ten seconds what the shop is doing', async ({ page }) => {
  const demo = await runDemo();
  try {
    await page.goto(demo.url);
    await newcomer(page);
    await page.screenshot({ path: join(ARTEFACTS, 'tour', 'demo-after-ten-seconds.png') });
    await page.waitForTimeout(30_000);
    await rememberCurves(page);
    for (const size of ['phone', 'laptop', 'wall'] as const) {
      await demoOn(page, demo.url, size, 'vi');
      await demoOn(page, demo.url, size, 'en');
    }
  } finally {
    await demo.stop();
  }
});

/** What the demo shows there, in whole and with nothing cut off. */
async function demoOn(page: Page, url: string, size: keyof typeof SIZES, language: 'vi' | 'en'): Promise<void> {
  await page.setViewportSize(SIZES[size]);
  await page.goto(url);
  if (await page.locator('html').getAttribute('lang') !== language) {
    await page.getByRole('button', { name: language === 'en' ? 'English' : 'Tiếng Việt' }).click();
  }
  await newcomer(page);
  await page.waitForTimeout(1_000);
  if (size === 'phone') await asLongAsThePage(page);
  await page.screenshot({ path: join(ARTEFACTS, 'tour', `demo-${size}-${language}.png`) });
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  expect(await cutOff(page), `${size} ${language}`).toEqual([]);
  const amounts = (await axes(page, 'revenue')).filter((text) => /tỷ|triệu|[BM]$/.test(text));
  expect(amounts.length, `amounts at the axis: ${size} ${language}`).toBeGreaterThan(0);
}

async function live(page: Page): Promise<void> {
  await expect(page.locator('.pill')).toHaveAttribute('data-state', 'live');
}

/** What is not on the screen is not drawn: a screen so long that everything is. */
async function asLongAsThePage(page: Page): Promise<void> {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: SIZES.phone.width, height });
  await page.waitForTimeout(300);
}

async function orders(page: Page): Promise<number> {
  return Number(await page.locator('#orders data').getAttribute('value'));
}
