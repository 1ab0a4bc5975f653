// What is read over REST: everything at first and after a lost connection, what no event tells whenever something
// changed, and every few seconds how the server is.

import { QueryClient, type QueryObserverOptions, QueryObserver } from '@tanstack/query-core';

import * as api from '../api/client.ts';
import { Lists } from './lists.ts';
import { type Answer, CATCH_UP, type Happening, type Model, type Topic } from './model.ts';
import { ASK_EVERY_MS } from './state.ts';

/** How often lists are read while orders come in. */
const LISTS_EVERY_MS = 2_000;
/** A request that takes longer is given up. */
const PATIENCE_MS = 3_000;

type Readers = { readonly [T in Topic]: (signal: AbortSignal) => Promise<Extract<Answer, { topic: T }>['value']> };

const readers: Readers = {
  totals: api.getTotals,
  recent: api.getRecent,
  hours: api.getHours,
  cities: api.getCities,
  products: api.getProducts,
  trends: api.getTrends,
  alerts: api.getAlerts,
  pipeline: api.getPipeline,
};

const LISTS: readonly Topic[] = ['hours', 'cities', 'products'];
/** What events tell, while there is a connection for them. */
const UNTOLD: readonly Topic[] = ['totals', 'trends', 'alerts'];

/** What reading depends on. */
export interface Reading {
  readonly known: () => Model;
  readonly happened: (happening: Happening) => void;
}

export class Polling {
  readonly #client = new QueryClient();
  readonly #reading: Reading;
  readonly #lists = new Lists();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** Begins to read; does not end. */
  start(): void {
    this.#client.mount();
    for (const topic of Object.keys(readers) as Topic[]) this.#observe(topic);
    setInterval(() => this.#refresh(), LISTS_EVERY_MS);
  }

  /** Reads again what may have changed before the connection was there; an answer under way may be from before. */
  catchUp(): void {
    for (const topic of [...CATCH_UP, 'pipeline'] as const) {
      void this.#client.refetchQueries({ queryKey: [topic] }, { cancelRefetch: true });
    }
  }

  #observe(topic: Topic): void {
    const options: QueryObserverOptions = {
      queryKey: [topic],
      queryFn: ({ signal }) => this.#ask(topic, signal),
      refetchInterval: topic === 'pipeline' ? ASK_EVERY_MS : false,
      refetchOnWindowFocus: topic === 'pipeline',
      // what is not reachable is asked for again, whatever the browser thinks of the network
      networkMode: 'always',
      retry: topic !== 'pipeline',
      retryDelay: (failures) => Math.min(1_000 * 2 ** failures, 10_000),
      staleTime: 0,
    };
    new QueryObserver(this.#client, options).subscribe(() => {});
  }

  async #ask(topic: Topic, signal: AbortSignal): Promise<true> {
    const asked = { orders: this.#reading.known().figures?.orders ?? null, at: Date.now() };
    try {
      const value = await readers[topic](AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]));
      this.#reading.happened({ is: 'read', at: Date.now(), answer: { topic, value } as Answer });
      this.#lists.came(topic, asked);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#reading.happened({ is: 'failed', topic });
      throw error;
    }
  }

  /** Reads the lists that may lack orders, and the totals when no event tells them. */
  #refresh(): void {
    if (document.hidden) return;
    const { figures, figuresCame, connection } = this.#reading.known();
    const due = LISTS.filter((topic) => this.#lists.isDue(topic, figures?.orders ?? null, figuresCame));
    const topics = [...(connection.is === 'connected' ? [] : UNTOLD), ...due];
    for (const topic of topics) {
      void this.#client.refetchQueries({ queryKey: [topic] }, { cancelRefetch: false });
    }
  }
}
