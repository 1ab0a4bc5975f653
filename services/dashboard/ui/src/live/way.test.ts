import { describe, expect, it } from 'vitest';

import { Way } from './way.ts';

describe('the way to the server', () => {
  it('is a WebSocket at first, and the other one every second time', () => {
    const way = new Way();
    expect([0, 1, 2, 3].map((attempt) => way.next(attempt)[0])).toEqual(['websocket', 'polling', 'websocket', 'polling']);
    expect(way.next(1), 'it is changed to a WebSocket').toContain('websocket');
  });

  it('is polling alone after a connection that was lost as soon as it was made', () => {
    const way = new Way();
    way.connected(100_000);
    way.lost(101_000);
    expect(way.next(1)).toEqual(['polling']);
    expect(way.next(2)).toEqual(['polling']);
  });

  it('is not blamed for a server that went after a while', () => {
    const way = new Way();
    way.connected(100_000);
    way.lost(101_000);
    way.connected(102_000);
    way.lost(200_000);
    expect(way.next(2)).toEqual(['websocket', 'polling']);
  });

  it('is a WebSocket again where polling is ended as soon', () => {
    const way = new Way();
    for (const at of [100_000, 110_000]) {
      way.connected(at);
      way.lost(at + 1_000);
    }
    expect(way.next(2)).toContain('websocket');
  });
});
