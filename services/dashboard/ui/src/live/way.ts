// By which way the next connection is tried: WebSocket, unless something between here and the server is in its way.

/** A connection that is lost sooner than this after it was made was ended by what stands in between. */
const SHORT_MS = 5_000;

export type Transports = readonly ('websocket' | 'polling')[];

/** The first that works is used; one that comes later is changed to from polling as soon as it works, too. */
const WEB_SOCKET_FIRST: Transports = ['websocket', 'polling'];
const POLLING_FIRST: Transports = ['polling', 'websocket'];
const POLLING: Transports = ['polling'];

export class Way {
  #since = 0;
  /** How many connections in a row were lost as soon as they were made. */
  #short = 0;

  connected(at: number): void {
    this.#since = at;
  }

  lost(at: number): void {
    this.#short = at - this.#since < SHORT_MS ? this.#short + 1 : 0;
  }

  /** For attempt `attempt` since the last connection; 0 is the very first. */
  next(attempt: number): Transports {
    // a WebSocket that opens and is ended takes a session of polling with it: not even tried any more
    if (this.#short % 2 === 1) return POLLING;
    // one that is never answered is not noticed before the attempt is given up
    return attempt % 2 === 0 ? WEB_SOCKET_FIRST : POLLING_FIRST;
  }
}
