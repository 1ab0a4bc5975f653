// Asks as a program does, with any header, also those that a browser or fetch would not let one set.

import { type OutgoingHttpHeaders, request } from 'node:http';

/** What a WebSocket handshake needs. */
const HANDSHAKE: OutgoingHttpHeaders = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** The answer to `GET`; 101 when a WebSocket was opened. */
export async function ask(url: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  const all = url.includes('transport=websocket') ? { ...HANDSHAKE, ...headers } : headers;
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers: all, agent: false }, (got) => {
      got.resume();
      got.on('end', () => resolve({ status: got.statusCode ?? 0, headers: got.headers }));
    });
    asked.on('upgrade', (got, socket) => {
      socket.destroy();
      resolve({ status: got.statusCode ?? 0, headers: got.headers });
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** The two ways of opening a Socket.IO session. */
export const SESSIONS = ['/socket.io/?EIO=4&transport=polling', '/socket.io/?EIO=4&transport=websocket'] as const;
