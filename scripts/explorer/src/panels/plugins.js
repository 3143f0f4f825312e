// The panels as GraphiQL's plugins. Titles are names for GraphiQL, which keeps the open one; the page shows its own words.

import { page } from '../page.js';
import {
  DataQualityIcon,
  ErrorsIcon,
  EventsIcon,
  ExamplesIcon,
  OperationsIcon,
  SandboxIcon,
  WhoAmIIcon,
} from '../parts/icons.jsx';
import { DataQualityPanel } from './data-quality-panel.jsx';
import { ErrorsPanel } from './errors-panel.jsx';
import { EventsPanel } from './events/events-panel.jsx';
import { examplesPanel } from './examples/examples-panel.jsx';
import { WhoAmIPanel } from './identity/who-am-i-panel.jsx';
import { OperationsPanel } from './operations/operations-panel.jsx';
import { SandboxPanel } from './sandbox-panel.jsx';

// The first one is open when the page is new.
export const makePlugins = (examples) => [
  { title: 'Examples', icon: ExamplesIcon, content: examplesPanel(examples) },
  { title: 'Data quality', icon: DataQualityIcon, content: DataQualityPanel },
  { title: 'Errors', icon: ErrorsIcon, content: ErrorsPanel },
  { title: 'Who am I', icon: WhoAmIIcon, content: WhoAmIPanel },
  ...(page.subscriptionPath ? [{ title: 'Events', icon: EventsIcon, content: EventsPanel }] : []),
  { title: 'Operations', icon: OperationsIcon, content: OperationsPanel },
  ...(page.isDemo ? [{ title: 'Sandbox', icon: SandboxIcon, content: SandboxPanel }] : []),
];
