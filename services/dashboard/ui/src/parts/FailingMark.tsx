import type { Topic } from '../live/model.ts';
import { useModel, useWords } from './page.tsx';

/** Beside a heading: that what stands below could not be read the last time. */
export function FailingMark({ topic }: { readonly topic: Topic }) {
  const { t } = useWords();
  const failing = useModel((model) => model.failing.has(topic));
  return <span className="stale-mark" role="status">{failing ? t('failing') : ''}</span>;
}
