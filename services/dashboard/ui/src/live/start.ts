// Brings the model to life: first what REST tells, then what happens.

import { emptyModel } from './model.ts';
import { Polling } from './polling.ts';
import { type Live, listen } from './socket.ts';
import { stateOf } from './state.ts';
import { Store } from './store.ts';

/** A page that lacks what the server has for this long connects anew. */
const STUCK_MS = 15_000;

/** The store, filled from now on. */
export function start(): Store {
  const store = new Store(emptyModel(Date.now()));
  const polling = new Polling({ known: () => store.known, happened: store.happened });
  const live = listen((happening) => {
    store.happened(happening);
    if (happening.is === 'connected') polling.catchUp();
  });
  polling.start();
  watch(store, live);
  return store;
}

/** Moves the clock, and makes a connection anew that hangs without being lost. */
function watch(store: Store, live: Live): void {
  let well = Date.now();
  setInterval(() => {
    const at = Date.now();
    store.happened({ is: 'tick', at });
    const { connection } = store.known;
    if (connection.is !== 'connected' || stateOf(store.known).is !== 'catchingUp') well = at;
    if (at - well < STUCK_MS) return;
    well = at;
    live.reconnect();
  }, 1_000);
}
