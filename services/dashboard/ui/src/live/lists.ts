// Which lists have to be read again: those that may lack orders which the totals already hold.

import type { Topic } from './model.ts';

/** What the server answers from may be so much older than the update that it has just sent. */
const SETTLE_MS = 1_000;

/** What was known when a list was asked for. */
interface Asked {
  readonly orders: bigint | null;
  /** By the viewer's clock. */
  readonly at: number;
}

export class Lists {
  readonly #read = new Map<Topic, Asked>();

  /** A list that was asked for when this was known has come. */
  came(topic: Topic, asked: Asked): void {
    this.#read.set(topic, asked);
  }

  /** Whether a list is to be read again, with so many orders known, of which the last came at `lastCame`. */
  isDue(topic: Topic, orders: bigint | null, lastCame: number | null): boolean {
    const read = this.#read.get(topic);
    return read === undefined || read.orders !== orders || read.at < (lastCame ?? 0) + SETTLE_MS;
  }
}
