// How the page is served: what it may do, how it is cached, how large it is.


import { expect, test } from './fixtures.ts';

test('the page comes with its policy, its files compressed and kept', async ({ request, shop }) => {
  const { url } = shop.pipeline;
  const page = await request.get(url);
  expect(page.headers()['content-security-policy']).toMatch(/script-src 'self'.*frame-ancestors 'none'/);
  expect(page.headers()['cache-control']).toBe('no-cache');
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(await page.text())?.[1];
  const file = await request.get(`${url}${script ?? ''}`);
  expect(file.headers()['cache-control']).toContain('immutable');
  expect(file.headers()['content-encoding']).toBe('br');
  expect(file.headers()['x-content-type-options']).toBe('nosniff');
  const again = await request.get(url, { headers: { 'if-none-match': page.headers()['etag'] ?? '' } });
  expect(again.status()).toBe(304);
});

test('the served document is the committed one', async ({ request, shop }) => {
  const { readFileSync } = await import('node:fs');
  const committed = readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8');
  const served = await request.get(`${shop.pipeline.url}/api/openapi.json`);
  expect(await served.text()).toBe(committed);
});
