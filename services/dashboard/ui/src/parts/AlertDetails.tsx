import { type ReactNode, useEffect, useRef } from 'react';

import { count, money } from '../format/money.ts';
import { fullTime } from '../format/time.ts';
import type { ShownAlert } from '../live/alerts.ts';
import { useWords } from './page.tsx';
import { useReason } from './reason.ts';

interface Props {
  readonly alert: ShownAlert | null;
  readonly onClose: () => void;
}

/** One alert: its order, its rule, what was measured against which threshold, and the settings that held. */
export function AlertDetails({ alert, onClose }: Props) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const reason = useReason();
  useEffect(() => {
    if (alert) dialog.current?.showModal();
    else dialog.current?.close();
  }, [alert]);
  return (
    <dialog ref={dialog} className="details" aria-labelledby="details-heading" onClose={onClose} closedby="any">
      {alert ? (
        <div>
          <h3 id="details-heading" data-severity={alert.severity}><bdi>{reason(alert)}</bdi></h3>
          <Facts alert={alert} />
          <button type="button" className="close" onClick={onClose}>{t('alerts.close')}</button>
        </div>
      ) : null}
    </dialog>
  );
}

function Facts({ alert }: { readonly alert: ShownAlert }) {
  const { t, language } = useWords();
  const { orderId, userId, timestamp, rule, type, message, alertId, settingsGeneration: generation } = alert;
  const facts: readonly (readonly [string, ReactNode, string])[] = [
    [t('alerts.order'), orderId, 'order'],
    [t('alerts.user'), userId, 'user'],
    [t('alerts.time'), fullTime(language, timestamp), 'time'],
    [t('alerts.rule'), `${rule ?? type}`, 'rule'],
    [t('alerts.value'), measured(alert.value), 'value'],
    [t('alerts.threshold'), measured(alert.threshold), 'threshold'],
    [t('alerts.settings'), generation === undefined ? unknown() : settings(generation), 'settings'],
    [t('alerts.message'), message, 'message'],
    [t('alerts.id'), alertId ?? unknown(), 'id'],
  ];
  return (
    <dl>
      {facts.map(([name, value, key]) => (
        <div key={key}>
          <dt>{name}</dt>
          <dd data-fact={key}><bdi>{value}</bdi></dd>
        </div>
      ))}
    </dl>
  );

  function measured(value: bigint | undefined): string {
    if (value === undefined) return unknown();
    if (type === 'HIGH_VALUE') return money(language, value);
    const formatted = count(language, value);
    return type === 'VELOCITY' ? t('alerts.ordersInMinute', { count: Number(value), formatted }) : formatted;
  }

  function settings(value: bigint): string {
    const formatted = count(language, value);
    return value === 0n ? t('alerts.defaults', { formatted }) : formatted;
  }

  function unknown(): string {
    return t('pipeline.unknown');
  }
}
