import { type FocusEvent, useEffect, useRef, useState } from 'react';

import { clock, zone } from '../format/time.ts';
import { count } from '../format/money.ts';
import { choices, type Filter, filtered, type ShownAlert } from '../live/alerts.ts';
import { AlertDetails } from './AlertDetails.tsx';
import { Choice } from './Choice.tsx';
import { FailingMark } from './FailingMark.tsx';
import { useModel, useWords } from './page.tsx';
import { useReason } from './reason.ts';

/** Rows that are drawn; the page keeps more. */
const ROWS = 60;
/** How often new alerts are read out at most. */
const ANNOUNCE_MS = 10_000;
const NO_ALERTS: readonly ShownAlert[] = [];

/** Alerts as they come. While somebody points at the list, or is in it, it stands still. */
export function Alerts() {
  const { t, language } = useWords();
  const all = useModel((model) => model.alerts);
  const here = useModel((model) => zone(language, model.now));
  const [filter, setFilter] = useState<Filter>({ type: null, severity: null });
  const [opened, setOpened] = useState<ShownAlert | null>(null);
  const hold = useHold(all ?? NO_ALERTS, opened !== null);
  const shown = filtered(hold.alerts, filter);
  return (
    <section className="card alerts" id="alerts" aria-labelledby="alerts-heading" tabIndex={-1}>
      <h2 id="alerts-heading">
        {t('alerts.heading')} <small>{here}</small><FailingMark topic="alerts" />
        <button type="button" className="held" hidden={hold.waiting === 0} onClick={hold.release}>
          {t('alerts.held', { count: hold.waiting, formatted: count(language, hold.waiting) })}
        </button>
      </h2>
      <Filters all={hold.alerts} filter={filter} onFilter={setFilter} />
      <div className="scroller" role="group" aria-labelledby="alerts-heading" tabIndex={0} {...hold.handlers}>
        <ol>
          {shown.slice(0, ROWS).map((alert, row) => (
            // eslint-disable-next-line react/no-array-index-key
            <Row key={row} alert={alert} onOpen={setOpened} />
          ))}
        </ol>
        {shown.length === 0 && all !== null ? <p className="quiet">{t(all.length === 0 ? 'alerts.none' : 'alerts.noneHere')}</p> : null}
      </div>
      <Announcer alerts={all} />
      <AlertDetails alert={opened} onClose={() => setOpened(null)} />
    </section>
  );
}

interface FiltersProps {
  readonly all: readonly ShownAlert[];
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

function Filters({ all, filter, onFilter }: FiltersProps) {
  const { t } = useWords();
  const { type, severity } = filter;
  const kind = useKind();
  const types = choices(all, 'type', ['HIGH_VALUE', 'VELOCITY']);
  const severities = choices(all, 'severity', ['CRITICAL', 'HIGH']);
  const every: readonly [string, string] = ['', t('alerts.all')];
  return (
    <div className="filters">
      <Choice name="type" legend={t('alerts.type')} chosen={type ?? ''}
        choices={[every, ...types.map((one) => [one, kind.type(one)] as const)]}
        onChoose={(value) => onFilter({ ...filter, type: value === '' ? null : value })} />
      <Choice name="severity" legend={t('alerts.severity')} chosen={severity ?? ''}
        choices={[every, ...severities.map((one) => [one, kind.severity(one)] as const)]}
        onChoose={(value) => onFilter({ ...filter, severity: value === '' ? null : value })} />
    </div>
  );
}

/** What types and severities are called; unknown ones as they are. */
function useKind() {
  const { t } = useWords();
  return {
    type: (name: string) => (name === 'HIGH_VALUE' || name === 'VELOCITY' ? t(`alerts.types.${name}`) : name),
    severity: (name: string) => (name === 'HIGH' || name === 'CRITICAL' ? t(`alerts.severities.${name}`) : name),
  };
}

interface RowProps {
  readonly alert: ShownAlert;
  readonly onOpen: (alert: ShownAlert) => void;
}

function Row({ alert, onOpen }: RowProps) {
  const { t, language } = useWords();
  const kind = useKind();
  const reason = useReason();
  return (
    <li>
      <button type="button" className="alert" data-severity={alert.severity} data-key={alert.key} onClick={() => onOpen(alert)}>
        <time dateTime={new Date(alert.timestamp).toISOString()}>{clock(language, alert.timestamp)}</time>
        <span className="severity">{kind.severity(alert.severity)}</span>
        <span className="reason"><bdi>{reason(alert)}</bdi></span>
        <span className="user"><bdi>{alert.userId}</bdi></span>
      </button>
      {alert.gapAfter ? <p className="gap">{t('alerts.gap')}</p> : null}
    </li>
  );
}

/** The list as it stands while it is held; what came since waits. */
function useHold(all: readonly ShownAlert[], busy: boolean) {
  const [held, setHeld] = useState<readonly ShownAlert[] | null>(null);
  const inside = useRef({ pointer: false, focus: false, scrolled: false });
  const update = (part: Partial<typeof inside.current>) => {
    Object.assign(inside.current, part);
    const { pointer, focus, scrolled } = inside.current;
    const holds = pointer || focus || scrolled;
    setHeld((now) => (holds ? now ?? all : busy ? now : null));
  };
  const scroller = useRef<HTMLElement>(null);
  const release = () => {
    scroller.current?.scrollTo({ top: 0 });
    setHeld(inside.current.pointer || inside.current.focus ? all : null);
  };
  const alerts = held ?? all;
  const first = alerts[0]?.key;
  const waiting = held === null ? 0 : Math.max(0, first === undefined ? all.length : all.findIndex((one) => one.key === first));
  return {
    alerts,
    waiting,
    release,
    handlers: {
      onPointerEnter: () => update({ pointer: true }),
      onPointerLeave: () => update({ pointer: false }),
      onFocus: (event: FocusEvent<HTMLElement>) => {
        scroller.current = event.currentTarget;
        update({ focus: true });
      },
      onBlur: (event: FocusEvent<HTMLElement>) => {
        if (!event.currentTarget.contains(event.relatedTarget)) update({ focus: false });
      },
      onScroll: (event: React.UIEvent<HTMLElement>) => {
        scroller.current = event.currentTarget;
        update({ scrolled: event.currentTarget.scrollTop > 0 });
      },
    },
  };
}

/** Tells screen readers how many alerts came, now and then. */
function Announcer({ alerts }: { readonly alerts: readonly ShownAlert[] | null }) {
  const { t, language } = useWords();
  const [said, setSaid] = useState('');
  const newest = useRef(alerts);
  const told = useRef<string | null>(null);
  useEffect(() => {
    newest.current = alerts;
  }, [alerts]);
  useEffect(() => {
    const timer = setInterval(() => {
      const now = newest.current;
      if (!now) return;
      const fresh = told.current === null ? 0 : now.findIndex((alert) => alert.key === told.current);
      told.current = now[0]?.key ?? '';
      const many = fresh < 0 ? now.length : fresh;
      setSaid(many === 0 ? '' : t('alerts.announce', { count: many, formatted: count(language, many) }));
    }, ANNOUNCE_MS);
    return () => clearInterval(timer);
  }, [t, language]);
  return <p className="hidden" role="status">{said}</p>;
}
