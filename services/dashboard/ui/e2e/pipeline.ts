// A pipeline of the real program on a real Kafka and a real Redis.

import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort, output, Running, until } from './processes.ts';
import type { Order } from './orders.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const TARGET = process.env['CARGO_TARGET_DIR'] ?? join(ROOT, 'target');
const MILLRACE = process.env['MILLRACE'] ?? join(TARGET, 'debug/millrace');
const SEND = process.env['SEND'] ?? join(TARGET, 'debug/examples/send');
/** Screenshots and logs. */
export const ARTEFACTS = join(ROOT, 'target/ui-e2e');

type Part = 'process' | 'views' | 'dashboard' | 'simulate';

const COMMANDS: Record<Part, readonly string[]> = {
  process: ['process', 'revenue', 'fraud', 'trend'],
  views: ['views'],
  dashboard: ['dashboard'],
  simulate: ['simulate', '--rate', '3', '--seed', '7'],
};

/** Who may ask a dashboard. */
interface Access {
  readonly token?: string;
  readonly origins?: string;
  /** The header in which a proxy names the user, and where it connects from. */
  readonly proxy?: { readonly header: string; readonly from: string };
}

export class Pipeline {
  readonly #data: string;
  readonly #parts = new Map<Part, Running>();
  #env: NodeJS.ProcessEnv = {};
  #brokers = '';
  #port = 0;

  constructor(name = 'shop') {
    this.#data = join(ARTEFACTS, `${name}-${process.pid}`);
  }

  /** Where the page is. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    rmSync(this.#data, { recursive: true, force: true });
    mkdirSync(this.#data, { recursive: true });
    this.#port = await freePort();
    const [kafka, redis] = await Promise.all([
      output(join(ROOT, 'dev/kafka'), ['up', '--port', '0', '--data', join(this.#data, 'kafka')]),
      output(join(ROOT, 'dev/redis'), ['up', '--port', '0', '--data', join(this.#data, 'redis')]),
    ]);
    this.#brokers = kafka;
    this.#env = {
      KAFKA_BROKERS: kafka,
      REDIS_URL: `redis://${redis}`,
      DASHBOARD_LISTEN: `127.0.0.1:${this.#port}`,
    };
    await output(MILLRACE, ['topics', 'apply'], this.#env);
    for (const part of ['process', 'views', 'dashboard'] as const) await this.run(part);
  }

  /** Starts a part and waits until it is ready. */
  async run(part: Part): Promise<void> {
    const admin = await freePort();
    const log = join(this.#data, `${part}.log`);
    const running = new Running(part, MILLRACE, COMMANDS[part], log, { ...this.#env, ADMIN_LISTEN: `127.0.0.1:${admin}` });
    this.#parts.set(part, running);
    await running.ready(admin);
  }

  /** Starts a further dashboard, which asks who it is or lets in other pages. */
  async runAnother(access: Access): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
    const [port, admin] = [await freePort(), await freePort()];
    const file = join(this.#data, 'token');
    writeFileSync(file, `${access.token ?? ''}\n`, { mode: 0o600 });
    const running = new Running('another', MILLRACE, COMMANDS.dashboard, join(this.#data, 'another.log'), {
      ...this.#env,
      ADMIN_LISTEN: `127.0.0.1:${admin}`,
      DASHBOARD_LISTEN: `127.0.0.1:${port}`,
      ...(access.token === undefined ? {} : { DASHBOARD_AUTH_TOKEN_FILE: file }),
      ...(access.proxy === undefined
        ? {}
        : { DASHBOARD_AUTH_PROXY_HEADER: access.proxy.header, DASHBOARD_AUTH_PROXY_FROM: access.proxy.from }),
      ...(access.origins === undefined ? {} : { DASHBOARD_ALLOWED_ORIGINS: access.origins }),
    });
    await running.ready(admin);
    return { url: `http://127.0.0.1:${port}`, stop: () => running.stop() };
  }

  /** Ends a part. */
  async end(part: Part, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#parts.get(part)?.stop(signal);
    this.#parts.delete(part);
  }

  /** Stops a part where it stands, or lets it go on. */
  freeze(part: Part, frozen: boolean): void {
    this.#parts.get(part)?.signal(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Sends orders, and waits until Kafka has them. */
  async send(orders: readonly Order[]): Promise<void> {
    const lines = orders.map((order) => `${order.userId}\t${JSON.stringify(order)}\n`);
    await new Promise<void>((resolve, reject) => {
      const child = execFile(SEND, [this.#brokers, 'orders'], (error) => (error ? reject(error) : resolve()));
      child.stdin?.end(lines.join(''));
    });
  }

  /** What a route answers. */
  async get<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.url}${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return (await answer.json()) as T;
  }

  /** Waits until so many orders are counted. */
  async counted(orders: number): Promise<void> {
    await until(`${orders} orders are counted`, async () => {
      const { totalOrders } = await this.get<{ totalOrders: number }>('/api/stats');
      return totalOrders === orders ? true : undefined;
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#parts.keys()].map((part) => this.end(part)));
    await output(join(ROOT, 'dev/kafka'), ['down', '--data', join(this.#data, 'kafka')]);
    await output(join(ROOT, 'dev/redis'), ['down', '--data', join(this.#data, 'redis')]);
    // the logs stay
    for (const server of ['kafka', 'redis']) rmSync(join(this.#data, server), { recursive: true, force: true });
  }
}

/** `make demo`: everything in one process. */
export async function runDemo(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const [port, admin] = [await freePort(), await freePort()];
  const listen = ['--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${admin}`];
  const running = new Running('demo', MILLRACE, ['demo', ...listen], join(ARTEFACTS, 'demo.log'), {});
  await running.ready(admin);
  return { url: `http://127.0.0.1:${port}`, stop: () => running.stop() };
}
