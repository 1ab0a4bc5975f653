// Who may ask: a dashboard with a token, and pages of other origins.

import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Page } from '@playwright/test';

import { ask, SESSIONS } from './ask.ts';
import { expect, showsAll, test } from './fixtures.ts';

const TOKEN = 'a-token-for-the-tests-of-the-page';
const BUILT = new URL('../dist/page/', import.meta.url);

test('with a token as the password the whole page works, the live connection too', async ({ browser, shop }) => {
  const { url, stop } = await shop.pipeline.runAnother({ token: TOKEN });
  try {
    const stranger = await browser.newContext({ httpCredentials: { username: 'anybody', password: 'wrong-password-here' } });
    const refused = await (await stranger.newPage()).goto(url);
    expect(refused?.status()).toBe(401);
    await stranger.close();

    const viewer = await browser.newContext({ httpCredentials: { username: 'anybody', password: TOKEN } });
    const page = await viewer.newPage();
    const sockets: string[] = [];
    page.on('websocket', (socket) => socket.on('framereceived', () => sockets.push(socket.url())));
    await page.goto(url);
    await expect(page.locator('.pill')).toHaveAttribute('data-state', 'live');
    await showsAll(page, shop);
    expect(sockets.length, 'it is a WebSocket').toBeGreaterThan(0);
    await viewer.close();
  } finally {
    await stop();
  }
});

test('with a token nothing is open: no route of the document, no file of the page, no session, nothing unknown', async ({ shop }) => {
  const { url, stop } = await shop.pipeline.runAnother({ token: TOKEN });
  try {
    const document = await shop.pipeline.get<{ paths: Record<string, unknown> }>('/api/openapi.json');
    const files = readdirSync(BUILT, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
      .map((file) => `${file.parentPath}/${file.name}`.slice(BUILT.pathname.length).replace(/^\/*/, '/'));
    const paths = ['/', ...Object.keys(document.paths), ...files, ...SESSIONS, '/nothing', '/api/nothing'];
    expect(paths.length).toBeGreaterThan(20);
    for (const path of paths) {
      for (const authorization of [undefined, 'Bearer wrong', `Basic ${btoa('anybody:wrong')}`]) {
        const refused = await ask(url + path, authorization === undefined ? {} : { authorization });
        expect(refused.status, `${path} ${authorization}`).toBe(401);
        expect(refused.headers['content-security-policy'], path).toContain("frame-ancestors 'none'");
        expect(refused.headers['x-content-type-options'], path).toBe('nosniff');
      }
      const { status } = await ask(url + path, { authorization: `Bearer ${TOKEN}` });
      expect(status, path).not.toBe(401);
    }
    for (const path of SESSIONS) {
      const { status } = await ask(url + path, { authorization: `Bearer ${TOKEN}` });
      expect(status, path).toBe(path.includes('websocket') ? 101 : 200);
    }
  } finally {
    await stop();
  }
});

test('behind a proxy that asks who it is, the proxy alone is believed', async ({ shop }) => {
  const header = 'x-forwarded-user';
  const paths = ['/', '/api/stats', '/nothing', ...SESSIONS];
  for (const [from, named] of [['127.0.0.0/8', [200, 200, 404, 200, 101]], ['10.0.0.0/8', paths.map(() => 401)]] as const) {
    const { url, stop } = await shop.pipeline.runAnother({ proxy: { header, from } });
    const statuses = async (headers: Record<string, string>) =>
      Promise.all(paths.map((path) => ask(url + path, headers).then(({ status }) => status)));
    try {
      expect(await statuses({ [header]: 'an@shop.example' }), from).toEqual(named);
      for (const headers of [{}, { [header]: '' }, { 'x-other-user': 'an@shop.example' }]) {
        expect(await statuses(headers), from).toEqual(paths.map(() => 401));
      }
    } finally {
      await stop();
    }
  }
});

/** What a page can read of the dashboard at `url`. */
async function reach(page: Page, url: string): Promise<Record<'rest' | 'polling' | 'webSocket', boolean>> {
  return page.evaluate(async ([base, polling, webSocket]) => {
    const reads = async (path: string) => fetch(base + path).then((answer) => answer.ok, () => false);
    const opens = async () => new Promise<boolean>((resolve) => {
      const socket = new WebSocket(base.replace('http', 'ws') + webSocket);
      socket.addEventListener('message', () => resolve(true));
      socket.addEventListener('error', () => resolve(false));
    });
    return { rest: await reads('/api/stats'), polling: await reads(polling), webSocket: await opens() };
  }, [url, ...SESSIONS] as const);
}

test('pages of other origins read nothing and frame nothing, those that are named read', async ({ page, shop }) => {
  const server = createServer((_, answer) => answer.writeHead(200, { 'content-type': 'text/html' })
    .end(`<title>elsewhere</title><iframe src="${shop.pipeline.url}"></iframe>`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const named = await shop.pipeline.runAnother({ origins: elsewhere });
  try {
    page.removeAllListeners('console'); // the browser says there what it refuses
    await page.goto(elsewhere);
    expect(await reach(page, shop.pipeline.url)).toEqual({ rest: false, polling: false, webSocket: false });
    expect(await reach(page, named.url)).toEqual({ rest: true, polling: true, webSocket: true });
    const framed = page.frames().find((frame) => frame !== page.mainFrame());
    expect(framed?.url(), 'what stands in the frame').toMatch(/^chrome-error:/);

    await page.goto(shop.pipeline.url);
    expect(await reach(page, shop.pipeline.url)).toEqual({ rest: true, polling: true, webSocket: true });
  } finally {
    server.close();
    await named.stop();
  }
  // browsers send what they like; so do others: nothing that only resembles an origin in the list is one
  for (const origin of ['null', elsewhere, `${shop.pipeline.url}.evil.example`, shop.pipeline.url.replace('http:', 'ftp:') + '1', 'http://127.0.0.1']) {
    for (const path of ['/api/stats', ...SESSIONS]) {
      const refused = await ask(shop.pipeline.url + path, { origin });
      expect(refused.status, `${path} ${origin}`).toBe(403);
      expect(refused.headers['access-control-allow-origin'], `${path} ${origin}`).toBeUndefined();
    }
  }
});

test('script that gets into the page does not run', async ({ page, shop }) => {
  page.removeAllListeners('console'); // the browser says there what it refuses
  await page.goto(shop.pipeline.url);
  const violated = await page.evaluate(async () => {
    const violations: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const place = document.createElement('div');
    place.innerHTML = '<img src=x onerror="window.hit=1"><p style="position:fixed">';
    const script = document.createElement('script');
    script.textContent = 'window.hit = 2';
    const elsewhere = document.createElement('script');
    elsewhere.src = 'http://127.0.0.1:1/evil.js';
    document.body.append(place, script, elsewhere);
    await fetch('http://127.0.0.1:1/').catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return violations;
  });
  expect(await page.evaluate(() => (window as unknown as { hit?: number }).hit)).toBeUndefined();
  for (const directive of ['script-src-elem', 'script-src-attr', 'style-src-attr', 'connect-src']) expect(violated).toContain(directive);
});
