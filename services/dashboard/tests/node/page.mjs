// Connects with the page's own client and prints what client.mjs prints.
// Usage: node page.mjs URL

import { readFile } from 'node:fs/promises';
import { WebSocket } from 'ws';

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
globalThis.WebSocket = WebSocket;
globalThis.location = new URL(process.argv[2]);

const source = await readFile(new URL('../../page/socket.js', import.meta.url), 'utf8');
const { listen } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
listen(
  (event, payload) => print({ event, payload }),
  (connected) => print(connected ? { connected: true } : { disconnected: 'closed' }),
);
