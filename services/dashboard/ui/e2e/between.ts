// What may stand between a browser and the server: a proxy that does not know WebSocket, a network that goes away.

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What becomes of a WebSocket: it is refused, cut off, never answered, or ended as soon as it is open. */
export type Obstacle = 'refuses' | 'cuts' | 'swallows' | 'ends';

/** A proxy on this machine. */
export class Between {
  /** What stands in the way of WebSockets. */
  obstacle: Obstacle | null = null;
  /** Whether all of Socket.IO is answered with 502. */
  withoutSocketIo = false;
  /** WebSockets that were let through to the end, and that were asked for. */
  readonly webSockets = { open: 0, asked: 0 };
  readonly #server = createServer((asked, answer) => this.#pass(asked, answer));
  readonly #open = new Set<Socket>();
  readonly #to: { readonly host: string; readonly port: number };
  #away = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#to = { host: hostname, port: Number(port) };
    this.#server.on('upgrade', (asked, socket, head) => this.#upgrade(asked, socket, head));
    this.#server.on('connection', (socket) => {
      if (this.#away) socket.destroy();
      this.#open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#open.delete(socket));
    });
  }

  /** Begins; gives its address. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Takes the network away, with what is open, or brings it back. */
  away(away: boolean): void {
    this.#away = away;
    if (away) this.#cutAll();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#cutAll();
    await closed;
  }

  #cutAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    if (this.withoutSocketIo && asked.url?.startsWith('/socket.io')) {
      answer.writeHead(502).end();
      return;
    }
    const { method, url: path, headers } = asked;
    const onward = request({ ...this.#to, method, path, headers, agent: false }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  }

  #upgrade(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.webSockets.asked += 1;
    if (this.withoutSocketIo || this.obstacle === 'refuses') socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    else if (this.obstacle === 'cuts') socket.destroy();
    else if (this.obstacle !== 'swallows') this.#tunnel(asked, socket, head);
  }

  #tunnel(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    const onward = connect(this.#to);
    const lines = asked.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1] ?? ''}\r\n`] : []));
    onward.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
    onward.write(head);
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('close', () => onward.destroy());
    socket.pipe(onward);
    if (this.obstacle === 'ends') {
      onward.once('data', (handshake) => socket.end(handshake));
      return;
    }
    this.webSockets.open += 1;
    onward.pipe(socket);
  }
}
