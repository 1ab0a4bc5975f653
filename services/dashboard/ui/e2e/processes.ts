// Starting and stopping programs.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** What a program that ends has printed. */
export async function output(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await run(program, [...args], { env: { ...process.env, ...env } });
  return stdout.trim();
}

/** Waits until `ask` gives something. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, limit = 60_000): Promise<T> {
  const end = Date.now() + limit;
  let trouble: unknown;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      trouble = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited in vain until ${what}`, { cause: trouble });
}

/** A program that runs until it is stopped. */
export class Running {
  readonly #child: ChildProcess;
  readonly #name: string;

  constructor(name: string, program: string, args: readonly string[], log: string, env: NodeJS.ProcessEnv) {
    this.#name = name;
    const out = openSync(log, 'a');
    this.#child = spawn(program, [...args], { env: { ...process.env, ...env }, stdio: ['ignore', out, out] });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  }

  /** Waits until the admin server says that nothing is missing. */
  async ready(admin: number): Promise<void> {
    await until(`${this.#name} is ready`, async () => {
      if (this.#child.exitCode !== null) throw new Error(`${this.#name} ended`);
      const answer = await fetch(`http://127.0.0.1:${admin}/readyz`);
      return answer.ok ? true : undefined;
    });
  }
}
