import { addIcon, caretRightIcon, copyIcon, LabIcon } from '@jupyterlab/ui-components';

import { iconOf } from './sourcesIcons';
import { accessWords, ISource, IStatus, kindName, statusOf } from './sourcesWords';

/** What one can do with a source. */
export interface IActions {
  toggle(name: string): void;
  choose(name: string, snippet: number): void;
  insert(code: string): void;
  copy(code: string): void;
  check(name: string): void;
}

/** How a source is shown just now. */
export interface IShown {
  open: boolean;
  snippet: number;
  /** Whether it is being tried. */
  busy: boolean;
  /** Whether there is a notebook to insert into. */
  insertable: boolean;
}

const FACTS: Record<string, string> = {
  bucket: 'Bucket',
  prefix: 'Prefix',
  region: 'Region',
  host: 'Host',
  port: 'Port',
  database: 'Database',
  http_path: 'Warehouse',
  project: 'Project',
  dataset: 'Dataset',
  url: 'Address',
  variable: 'Variable'
};

type Value = string | boolean | ((event: Event) => void);

/** Make an element: attributes (functions are listeners, without "on"), then children. */
export function h(
  tag: string,
  attributes: Record<string, Value> = {},
  ...children: (Node | string)[]
): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      made.addEventListener(name, value);
    } else if (value !== false) {
      made.setAttribute(name, value === true ? '' : value);
    }
  }
  made.append(...children);
  return made;
}

/** Return a source as an entry of the list. */
export function sourceView(source: ISource, shown: IShown, actions: IActions): HTMLElement {
  const status = statusOf(source, clock);
  const body = `datalab-source-${source.name}`;
  const code = source.snippets[0]?.code;
  const row = h(
    'div',
    { class: 'datalab-Source-row' },
    h(
      'button',
      {
        class: 'datalab-Source-title',
        type: 'button',
        'aria-expanded': String(shown.open),
        'aria-controls': body,
        'data-key': `${source.name}:toggle`,
        click: () => actions.toggle(source.name)
      },
      picture(caretRightIcon, 'datalab-Source-caret'),
      picture(iconOf(source.kind), 'datalab-Source-icon'),
      h(
        'span',
        { class: 'datalab-Source-names' },
        h('span', { class: 'datalab-Source-name' }, source.title),
        h('span', { class: 'datalab-Source-about' }, `${kindName(source.kind)} · ${accessWords(source)}`)
      ),
      h('span', { class: 'datalab-Source-dot', title: status.word }, h('span', {}, status.word))
    )
  );
  if (code !== undefined) {
    row.append(
      iconButton(addIcon, `Insert code for ${source.title}`, `${source.name}:add`, !shown.insertable, () =>
        actions.insert(code)
      )
    );
  }
  const item = h('li', { class: 'datalab-Source', 'data-tone': status.tone, 'data-source': source.name }, row);
  if (shown.open) {
    item.append(bodyView(source, status, shown, actions, body));
  }
  return item;
}

function bodyView(
  source: ISource,
  status: IStatus,
  shown: IShown,
  actions: IActions,
  id: string
): HTMLElement {
  const parts: Node[] = [];
  if (source.description) {
    parts.push(h('p', { class: 'datalab-Source-text' }, source.description));
  }
  parts.push(
    h('p', { class: 'datalab-Source-status' }, h('strong', {}, status.word), ` ${status.sentence}`)
  );
  const snippet = source.snippets[shown.snippet] ?? source.snippets[0];
  if (snippet) {
    parts.push(snippetView(source, snippet.code, shown, actions));
  }
  if (source.offered) {
    parts.push(
      h(
        'div',
        { class: 'datalab-Source-buttons' },
        ...(snippet
          ? [
              button('Insert', `${source.name}:insert`, !shown.insertable, 'jp-mod-accept', () =>
                actions.insert(snippet.code)
              ),
              button('Copy', `${source.name}:copy`, false, '', () => actions.copy(snippet.code), copyIcon)
            ]
          : []),
        button(shown.busy ? 'Checking…' : 'Check', `${source.name}:check`, shown.busy, '', () =>
          actions.check(source.name)
        )
      )
    );
  }
  if (source.default) {
    const said = 'AWS programs (boto3, s3://…, the aws command) find this source by themselves.';
    parts.push(h('p', { class: 'datalab-Source-text' }, said));
  }
  const facts = Object.entries(source.facts).filter(([, value]) => value);
  if (facts.length) {
    const rows = facts.flatMap(([key, value]) => [h('dt', {}, FACTS[key] ?? key), h('dd', {}, value)]);
    parts.push(h('dl', { class: 'datalab-Source-facts' }, ...rows));
  }
  return h('div', { class: 'datalab-Source-body', id }, ...parts);
}

function snippetView(source: ISource, code: string, shown: IShown, actions: IActions): HTMLElement {
  const choices = source.snippets.map((one, index) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(index === shown.snippet),
        'data-key': `${source.name}:snippet:${index}`,
        click: () => actions.choose(source.name, index)
      },
      one.label
    )
  );
  const tabs = h('div', { class: 'datalab-Source-choices', role: 'group', 'aria-label': 'Code for' }, ...choices);
  return h(
    'div',
    { class: 'datalab-Source-snippet' },
    ...(choices.length > 1 ? [tabs] : []),
    // Wider than the panel, so that it scrolls: a keyboard must be able to do that too.
    h('pre', { tabindex: '0', 'aria-label': `Code for ${source.title}`, role: 'region', 'data-key': `${source.name}:code` }, h('code', {}, code))
  );
}

function button(
  label: string,
  key: string,
  disabled: boolean,
  kind: string,
  click: () => void,
  icon?: LabIcon
): HTMLElement {
  return h(
    'button',
    {
      class: `jp-Button jp-mod-styled jp-mod-small ${kind}`,
      type: 'button',
      'data-key': key,
      disabled,
      title: disabled && label === 'Insert' ? 'Open a notebook to insert code' : false,
      click
    },
    ...(icon ? [picture(icon, 'datalab-Source-buttonicon')] : []),
    label
  );
}

function iconButton(icon: LabIcon, label: string, key: string, disabled: boolean, click: () => void): HTMLElement {
  return h(
    'button',
    {
      class: 'datalab-Source-tool',
      type: 'button',
      'aria-label': label,
      title: disabled ? 'Open a notebook to insert code' : label,
      'data-key': key,
      disabled,
      click
    },
    picture(icon, '')
  );
}

/** Return an icon that says nothing to a screen reader: the words beside it do. */
export function picture(icon: LabIcon, className: string): HTMLElement {
  const made = icon.element({ tag: 'span', className });
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function clock(moment: number): string {
  return new Date(moment).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
