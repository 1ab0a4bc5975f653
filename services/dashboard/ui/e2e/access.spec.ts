// A dashboard that asks who it is, in a browser.

import { expect, showsAll, test } from './fixtures.ts';

const TOKEN = 'a-token-for-the-tests-of-the-page';

test('with a token as the password the whole page works, the live connection too', async ({ browser, shop }) => {
  const { url, stop } = await shop.pipeline.runProtected(TOKEN);
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
