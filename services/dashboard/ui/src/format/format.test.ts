import { describe, expect, it } from 'vitest';

import { compact, count, growth, money, percent } from './money.ts';
import { clock, fullTime, hourBegin, hourLabel, zone } from './time.ts';

/** Without the spaces that are not to break. */
const plain = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ');

describe('money', () => {
  it('is written as people of the language write it', () => {
    expect(plain(money('vi', 25_000_000n))).toBe('25.000.000 ₫');
    expect(plain(money('en', 25_000_000n))).toBe('25,000,000 ₫');
    expect(plain(money('vi', 0n))).toBe('0 ₫');
    expect(plain(money('vi', -1_500n))).toBe('-1.500 ₫');
  });

  it('is exact beyond what a JavaScript number holds', () => {
    expect(plain(money('vi', 170141183460469231731687303715884105727n)))
      .toBe('170.141.183.460.469.231.731.687.303.715.884.105.727 ₫');
  });
});

describe('compact money', () => {
  const cases: readonly (readonly [bigint, string, string])[] = [
    [0n, '0', '0'],
    [999n, '999', '999'],
    [1_000n, '1 nghìn', '1K'],
    [15_400n, '15,4 nghìn', '15.4K'],
    [50_000_000n, '50 triệu', '50M'],
    [949_999_999n, '949 triệu', '949M'],
    [1_200_000_000n, '1,2 tỷ', '1.2B'],
    [1_250_000_000n, '1,25 tỷ', '1.25B'],
    [1_259_999_999n, '1,25 tỷ', '1.25B'],
    [34_204_292_131n, '34,2 tỷ', '34.2B'],
    [999_999_999_999n, '999 tỷ', '999B'],
    [3_158_300_000_000n, '3.158 tỷ', '3.15T'],
    [1_234_567_000_000_000n, '1.234.567 tỷ', '1,234T'],
  ];
  it.each(cases)('of %d', (vnd, vi, en) => {
    expect(plain(compact('vi', vnd))).toBe(vi);
    expect(compact('en', vnd)).toBe(en);
  });

  it('says more where there is room, and lines up where it is asked to', () => {
    expect(plain(compact('vi', 34_204_292_131n, 4))).toBe('34,20 tỷ'.replace('0 ', ' '));
    expect(plain(compact('vi', 34_204_292_131n, 4, true))).toBe('34,20 tỷ');
    expect(plain(compact('vi', 227_000_000_000n, 4, true))).toBe('227,0 tỷ');
  });

  it('is never rounded up, whatever its sign', () => {
    expect(plain(compact('vi', 49_999_999n))).toBe('49,9 triệu');
    expect(plain(compact('vi', -49_999_999n))).toBe('−49,9 triệu');
  });
});

describe('counts and shares', () => {
  it('have the separators of the language', () => {
    expect(count('vi', 1_234_567n)).toBe('1.234.567');
    expect(count('en', 1_234_567n)).toBe('1,234,567');
    expect(percent('vi', 0.25)).toBe('+25%');
    expect(percent('en', -0.5)).toBe('-50%');
    expect(percent('en', 0)).toBe('0%');
  });

  it('are told as a multiple where a percentage says nothing any more', () => {
    expect(growth('vi', 0.25)).toBe('+25%');
    expect(growth('vi', 9.99)).toBe('+999%');
    expect(growth('vi', 10)).toBe('×11');
    expect(growth('vi', 1_399)).toBe('×1.400');
  });
});

describe('times', () => {
  const instant = Date.parse('2026-11-22T13:51:03Z');

  it('are those of the zone the tests run in, and the zone is named', () => {
    // vite.config.ts sets Asia/Ho_Chi_Minh
    expect(clock('vi', instant)).toBe('20:51:03');
    expect(clock('en', instant)).toBe('20:51:03');
    expect(zone('vi', instant)).toBe('GMT+7');
    expect(fullTime('vi', instant)).toContain('GMT+7');
    expect(fullTime('en', instant)).toContain('GMT+7');
  });

  it('name the hour of the day in the zone', () => {
    expect(hourLabel('vi', hourBegin('2026-11-22T17'))).toBe('00');
    expect(hourLabel('vi', hourBegin('2026-11-22T02'))).toBe('09');
  });
});
