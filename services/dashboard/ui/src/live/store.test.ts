import { describe, expect, it } from 'vitest';

import { emptyModel } from './model.ts';
import { type Frames, Store } from './store.ts';

/** Frames by hand: `draw` is what the browser would do when one is due. */
class ByHand implements Frames {
  waiting: (() => void)[] = [];
  after: (() => void)[] = [];
  time = 0;

  readonly request = (draw: () => void): void => void this.waiting.push(draw);
  readonly now = (): number => this.time;
  readonly done = (then: () => void): void => void this.after.push(then);

  /** A frame at `time` that takes `cost`. */
  draw(time: number, cost: number): void {
    this.time = time;
    for (const draw of this.waiting.splice(0)) draw();
    this.time += cost;
    for (const then of this.after.splice(0)) then();
  }
}

function store() {
  const frames = new ByHand();
  const made = new Store(emptyModel(0), frames);
  const told: number[] = [];
  made.subscribe(() => told.push(made.shown().now));
  return { made, frames, told };
}

describe('the store', () => {
  it('tells once a frame, whatever happens in between, and then the newest', () => {
    const { made, frames, told } = store();
    for (let at = 1; at <= 60; at += 1) made.happened({ is: 'tick', at });
    expect(frames.waiting).toHaveLength(1);
    expect(made.shown().now).toBe(0);
    frames.draw(16, 1);
    expect(told).toEqual([60]);
    frames.draw(32, 1);
    expect(told).toEqual([60]);
  });

  it('knows everything at once, though nothing is drawn', () => {
    const { made, frames } = store();
    for (let at = 1; at <= 10_000; at += 1) made.happened({ is: 'tick', at });
    expect(made.known.now).toBe(10_000);
    expect(frames.waiting).toHaveLength(1);
  });

  it('leaves frames out where drawing takes long', () => {
    const { made, frames, told } = store();
    let at = 0;
    for (let time = 0; time < 1_000; time += 20) {
      made.happened({ is: 'tick', at: (at += 1) });
      frames.draw(time, told.length < 1_000 ? 40 : 0);
    }
    // each takes 40 ms and leaves 40 ms free
    expect(told.length).toBeLessThanOrEqual(26);
    expect(told.length).toBeGreaterThanOrEqual(8);
  });

  it('asks for no frame when nothing changed', () => {
    const { made, frames } = store();
    made.happened({ is: 'disconnected', at: 1 });
    frames.draw(16, 1);
    made.happened({ is: 'disconnected', at: 2 });
    expect(frames.waiting).toHaveLength(0);
  });
});
