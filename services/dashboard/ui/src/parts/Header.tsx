import { useState } from 'react';

import { kept } from '../kept.ts';
import { stateOf } from '../live/state.ts';
import { type Look, LOOKS, wear } from '../look/look.ts';
import { speak } from '../words/words.ts';
import { useModel, useWords } from './page.tsx';

export function Header() {
  const { t, i18n, language } = useWords();
  return (
    <header className="top">
      <h1><Wheel />Millrace</h1>
      <StatePill />
      <div className="choices">
        <LookChoice />
        <button type="button" lang={language === 'vi' ? 'en' : 'vi'} onClick={() => speak(i18n, language === 'vi' ? 'en' : 'vi')}>
          {t('language')}
        </button>
      </div>
    </header>
  );
}

/** How it stands, in a word. A change is read out. */
function StatePill() {
  const { t } = useWords();
  const is = useModel((model) => stateOf(model).is);
  return (
    <p className="pill" data-state={is} role="status">
      <span className="mark" aria-hidden="true" />
      <span className="hidden">{t('state.label')}: </span>
      {t(`state.${is}`)}
    </p>
  );
}

function LookChoice() {
  const { t } = useWords();
  const [look, setLook] = useState<Look>(() => LOOKS.find((one) => one === kept('millrace.look')) ?? 'auto');
  const next = LOOKS[(LOOKS.indexOf(look) + 1) % LOOKS.length] ?? 'auto';
  const change = () => {
    wear(next);
    setLook(next);
  };
  return (
    <button type="button" className="look" onClick={change} aria-label={t(`look.${look}`)} title={t(`look.${look}`)}>
      <span className="look-mark" data-look={look} aria-hidden="true" />
    </button>
  );
}

function Wheel() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="12" fill="none" stroke="currentColor" strokeWidth="4" />
      <path d="M16 4v24M4 16h24M7.5 7.5l17 17M24.5 7.5l-17 17" stroke="currentColor" strokeWidth="2" />
    </svg>
  );
}
