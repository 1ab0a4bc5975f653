import { describe, expect, it } from 'vitest';

import { Lists } from './lists.ts';

describe('a list', () => {
  it('is read when it was not, and again when orders came since it was asked for', () => {
    const lists = new Lists();
    expect(lists.isDue('cities', 5n, 1_000)).toBe(true);
    lists.came('cities', { orders: 5n, at: 9_000 });
    expect(lists.isDue('cities', 5n, 1_000)).toBe(false);
    expect(lists.isDue('cities', 6n, 9_500)).toBe(true);
    expect(lists.isDue('products', 5n, 1_000), 'another one').toBe(true);
  });

  it('that was asked for before the orders came does not hold them, though it came after', () => {
    const lists = new Lists();
    lists.came('cities', { orders: 5n, at: 9_000 });
    expect(lists.isDue('cities', 3_765n, 9_100)).toBe(true);
  });

  it('that was asked for as soon as orders came is read once more', () => {
    const lists = new Lists();
    lists.came('cities', { orders: 6n, at: 9_100 });
    expect(lists.isDue('cities', 6n, 9_000)).toBe(true);
    lists.came('cities', { orders: 6n, at: 11_100 });
    expect(lists.isDue('cities', 6n, 9_000)).toBe(false);
  });
});
