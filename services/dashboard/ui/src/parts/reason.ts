import type { Alert } from '../api/decode.ts';
import { compact, count } from '../format/money.ts';
import { useWords } from './page.tsx';

/** Why an alert was raised, in the page's language; as it was written where the page does not know the rule. */
export function useReason(): (alert: Alert) => string {
  const { t, language } = useWords();
  return ({ type, message, value, threshold }) => {
    if (value === undefined || threshold === undefined) return message;
    if (type === 'HIGH_VALUE') {
      const [short, limit] = [compact(language, value), compact(language, threshold)];
      // hardly above it: to the last đồng, so that the difference shows
      return t('alerts.HIGH_VALUE', { value: short === limit ? count(language, value) : short, threshold: limit });
    }
    if (type === 'VELOCITY') {
      return t('alerts.VELOCITY', { value: count(language, value), threshold: count(language, threshold) });
    }
    return message;
  };
}
