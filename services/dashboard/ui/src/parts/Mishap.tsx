import type { i18n } from 'i18next';
import { Component, type ReactNode } from 'react';

interface Props {
  readonly words: i18n;
  readonly children: ReactNode;
}

/** A page that broke says so instead of standing still with old figures. */
export class Mishap extends Component<Props, { readonly broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    const { t } = this.props.words;
    return (
      <main className="mishap" role="alert">
        <p>{t('broken')}</p>
        <button type="button" onClick={() => location.reload()}>{t('reload')}</button>
      </main>
    );
  }
}
