// Holds the model and tells the page of changes, at most once an animation frame.
//
// What happens is reduced at once, so nothing queues up while no frame is drawn (a hidden page, a slow device); the
// page is told when the next frame is due. Where drawing takes long the next frames are left out, so that at least
// half of the time stays free for the viewer.

import type { Happening, Model } from './model.ts';
import { reduce } from './reduce.ts';

/** How the store gets its frames; the browser's, or a test's. */
export interface Frames {
  readonly request: (draw: () => void) => void;
  readonly now: () => number;
  /** Calls back when what was just drawn is done. */
  readonly done: (then: () => void) => void;
}

export class Store {
  #model: Model;
  #shown: Model;
  readonly #frames: Frames;
  readonly #listeners = new Set<() => void>();
  #requested = false;
  #notBefore = 0;

  constructor(model: Model, frames: Frames = browserFrames()) {
    this.#model = model;
    this.#shown = model;
    this.#frames = frames;
  }

  /** What the page shows. */
  readonly shown = (): Model => this.#shown;

  /** What is known, which the page may not show yet. */
  get known(): Model {
    return this.#model;
  }

  readonly happened = (happening: Happening): void => {
    const model = reduce(this.#model, happening);
    if (model === this.#model) return;
    this.#model = model;
    this.#request();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #request(): void {
    if (this.#requested) return;
    this.#requested = true;
    this.#frames.request(this.#frame);
  }

  readonly #frame = (): void => {
    const begin = this.#frames.now();
    if (begin < this.#notBefore) {
      this.#frames.request(this.#frame);
      return;
    }
    this.#requested = false;
    this.#shown = this.#model;
    for (const listener of this.#listeners) listener();
    this.#frames.done(() => {
      const end = this.#frames.now();
      this.#notBefore = end + (end - begin);
    });
  };
}

function browserFrames(): Frames {
  const channel = new MessageChannel();
  let waiting: (() => void)[] = [];
  channel.port1.addEventListener('message', () => {
    const all = waiting;
    waiting = [];
    for (const then of all) then();
  });
  channel.port1.start();
  return {
    request: (draw) => requestAnimationFrame(draw),
    now: () => performance.now(),
    // a message is delivered after the frame was laid out and painted
    done: (then) => {
      waiting.push(then);
      channel.port2.postMessage(null);
    },
  };
}
