import { render } from 'solid-js/web';
import { App } from './app.tsx';
import { preferredLanguage, setLanguage } from './i18n/index.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/overview.css';

void setLanguage(preferredLanguage());
render(() => <App />, document.getElementById('app')!);
