import 'uplot/dist/uPlot.min.css';
import './look/base.css';
import './look/board.css';
import './look/parts.css';

import { createRoot } from 'react-dom/client';

import { start } from './live/start.ts';
import { App } from './parts/App.tsx';
import { words } from './words/words.ts';

const root = document.getElementById('root');
if (root) createRoot(root).render(<App store={start()} words={words()} />);
