// The live connection: Socket.IO, WebSocket first, polling where something on the way does not let one through.

import { io } from 'socket.io-client';
import { Decoder, Encoder } from 'socket.io-parser';

import { alert, decoded, update } from '../api/decode.ts';
import { exact } from '../api/json.ts';
import type { Happening } from './model.ts';
import { Way } from './way.ts';

/** The longest pause before the connection is tried again. */
const LONGEST_PAUSE_MS = 5_000;

class ExactDecoder extends Decoder {
  constructor() {
    super({ reviver: exact });
  }
}

/** A connection that can be made anew. */
export interface Live {
  readonly reconnect: () => void;
}

/** Connects, and again whenever the connection is lost. */
export function listen(happened: (happening: Happening) => void): Live {
  const way = new Way();
  const socket = io({
    parser: { Encoder, Decoder: ExactDecoder },
    transports: [...way.next(0)],
    tryAllTransports: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: LONGEST_PAUSE_MS,
    randomizationFactor: 0.5,
    timeout: 8_000,
  });
  socket.io.on('reconnect_attempt', (attempt) => {
    socket.io.opts.transports = [...way.next(attempt)];
  });
  socket.on('connect', () => {
    way.connected(Date.now());
    happened({ is: 'connected', at: Date.now() });
  });
  socket.on('disconnect', (reason) => {
    if (reason.startsWith('transport')) way.lost(Date.now());
    happened({ is: 'disconnected', at: Date.now() });
    // the client takes it for final when the server ends the connection; a server that restarts does so, too
    if (reason === 'io server disconnect') setTimeout(() => socket.connect(), LONGEST_PAUSE_MS * Math.random());
  });
  socket.on('connect_error', () => {
    happened({ is: 'disconnected', at: Date.now() });
    // refused because the server is full: the client would not try again
    if (!socket.active) setTimeout(() => socket.connect(), LONGEST_PAUSE_MS);
  });
  socket.on('metrics', (payload: unknown) => {
    const taken = decoded(update, payload);
    if (taken) happened({ is: 'update', at: Date.now(), update: taken });
  });
  socket.on('alerts', (payload: unknown) => {
    const taken = decoded(alert, payload);
    if (taken) happened({ is: 'alert', alert: taken });
  });
  return { reconnect: () => void socket.disconnect().connect() };
}
