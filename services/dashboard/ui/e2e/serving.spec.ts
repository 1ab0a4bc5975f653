// How the page is served: what it may do, how it is cached, how large it is.

import { connect } from 'node:net';

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

test('who trickles the head of a request is ended after ten seconds, and keeps nobody waiting', async ({ request, shop }) => {
  const { hostname, port } = new URL(shop.pipeline.url);
  const begin = Date.now();
  const socket = connect(Number(port), hostname);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const trickle = setInterval(() => socket.write('a'), 250);
  const ended = new Promise<number>((resolve) => socket.on('error', () => {}).on('close', () => resolve(Date.now() - begin)).resume());
  expect((await request.get(shop.pipeline.url, { timeout: 2_000 })).ok()).toBe(true);
  const after = await ended;
  clearInterval(trickle);
  expect(after).toBeGreaterThan(9_000);
  expect(after).toBeLessThan(15_000);
});

test('what is too large is refused', async ({ request, shop }) => {
  const { url } = shop.pipeline;
  const body = await request.post(`${url}/socket.io/?EIO=4&transport=polling`, { data: 'x'.repeat(70_000) });
  expect(body.status()).toBe(413);
  const head = await request.get(url, { headers: { 'x-large': 'x'.repeat(20_000) } }).then((answer) => answer.status(), () => 'ended');
  expect([431, 'ended']).toContain(head);
});
