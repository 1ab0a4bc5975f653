import type { i18n } from 'i18next';
import { I18nextProvider } from 'react-i18next';

import { isCurrent, stateOf } from '../live/state.ts';
import type { Store } from '../live/store.ts';
import { Alerts } from './Alerts.tsx';
import { Cities, Products } from './Rankings.tsx';
import { Header } from './Header.tsx';
import { Hours } from './Hours.tsx';
import { Mishap } from './Mishap.tsx';
import { PipelineState } from './PipelineState.tsx';
import { StoreContext, useModel, useWords } from './page.tsx';
import { Totals } from './Totals.tsx';
import { Trends } from './Trends.tsx';

interface Props {
  readonly store: Store;
  readonly words: i18n;
}

/** The whole page. */
export function App({ store, words }: Props) {
  return (
    <I18nextProvider i18n={words}>
      <StoreContext value={store}>
        <Mishap words={words}>
          <Page />
        </Mishap>
      </StoreContext>
    </I18nextProvider>
  );
}

function Page() {
  const { t } = useWords();
  const current = useModel((model) => isCurrent(stateOf(model)));
  return (
    <>
      <a className="skip" href="#alerts">{t('skipToAlerts')}</a>
      <div className="head">
        <Header />
        <PipelineState />
      </div>
      <main className="board" data-current={current}>
        <Totals />
        <Hours />
        <Cities />
        <Products />
        <Trends />
        <Alerts />
      </main>
    </>
  );
}
