import { Clipboard } from '@jupyterlab/apputils';
import { ServerConnection } from '@jupyterlab/services';
import { refreshIcon } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { check, list } from './sourcesApi';
import { databaseIcon } from './sourcesIcons';
import { h, IActions, picture, sourceView } from './sourcesView';
import { ISource, matches } from './sourcesWords';

const RENEW_SECONDS = 60;
/** From so many sources on there is a field to search in. */
const MANY = 7;

/** What the panel needs of the application. */
export interface IHost {
  settings: ServerConnection.ISettings;
  /** Whether there is a cell to write into. */
  insertable(): boolean;
  /** Write into the current notebook; returns a sentence that says where. */
  insert(code: string): Promise<string>;
}

/** Lists the data sources: what each is, what one may do, and the code that uses it. */
export class SourcesPanel extends Widget implements IActions {
  constructor(private readonly host: IHost) {
    super();
    this.id = 'datalab-sources';
    this.addClass('datalab-Sources');
    this.title.icon = databaseIcon;
    this.title.caption = 'Data sources';
    this.filter = h('input', {
      class: 'jp-mod-styled',
      type: 'search',
      placeholder: 'Search',
      'aria-label': 'Search data sources',
      'data-key': 'filter',
      input: () => this.draw()
    }) as HTMLInputElement;
    this.said = h('p', { class: 'datalab-Sources-said', role: 'status' });
    this.list = h('div', { class: 'datalab-Sources-scroll' });
    const refresh = h(
      'button',
      {
        class: 'datalab-Source-tool',
        type: 'button',
        title: 'Refresh',
        'aria-label': 'Refresh data sources',
        click: () => void this.refresh()
      },
      picture(refreshIcon, '')
    );
    const heading = h('h2', {}, 'Data sources');
    this.node.append(h('div', { class: 'datalab-Sources-head' }, heading, refresh), this.filter, this.list, this.said);
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Data sources');
    this.filter.hidden = true;
  }

  /** Ask again and show what is true now. */
  async refresh(): Promise<void> {
    window.clearTimeout(this.timer);
    this.node.setAttribute('aria-busy', 'true');
    try {
      const answer = await list(this.host.settings);
      this.sources = answer.sources;
      this.problem = answer.problem;
    } catch (error) {
      this.problem = `The workspace does not answer (${error instanceof Error ? error.message : error}).`;
    }
    this.loaded = true;
    this.node.removeAttribute('aria-busy');
    this.draw();
    if (this.isVisible) {
      this.timer = window.setTimeout(() => void this.refresh(), RENEW_SECONDS * 1000);
    }
  }

  /** Show everything anew; what is open, chosen and focused stays so. */
  draw(): void {
    const active = document.activeElement;
    const key = this.list.contains(active) ? active?.getAttribute('data-key') : null;
    this.filter.hidden = this.sources.length < MANY;
    const typed = this.filter.hidden ? '' : this.filter.value.trim();
    const found = this.sources.filter(source => matches(source, typed));
    const parts: Node[] = [];
    if (this.problem) {
      parts.push(h('p', { class: 'datalab-Sources-problem', role: 'alert' }, this.problem));
    } else if (!this.sources.length) {
      const none = this.loaded
        ? 'No data sources are offered to you. The person who runs Datalab can add some.'
        : 'Asking for your data sources…';
      parts.push(h('p', { class: 'datalab-Sources-none' }, none));
    } else if (!found.length) {
      parts.push(h('p', { class: 'datalab-Sources-none' }, `No data source matches “${typed}”.`));
    }
    const insertable = this.host.insertable();
    const views = found.map(source =>
      sourceView(
        source,
        {
          open: this.open.has(source.name),
          snippet: this.chosen.get(source.name) ?? 0,
          busy: this.checking.has(source.name),
          insertable
        },
        this
      )
    );
    if (views.length) {
      parts.push(h('ul', {}, ...views));
    }
    this.list.replaceChildren(...parts);
    if (key) {
      this.list.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus();
    }
  }

  toggle(name: string): void {
    if (!this.open.delete(name)) {
      this.open.add(name);
    }
    this.draw();
  }

  choose(name: string, snippet: number): void {
    this.chosen.set(name, snippet);
    this.draw();
  }

  insert(code: string): void {
    this.host.insert(code).then(
      said => this.say(said),
      error => this.say(`Nothing was inserted: ${error instanceof Error ? error.message : error}`)
    );
  }

  copy(code: string): void {
    Clipboard.copyToSystem(code);
    this.say('Copied.');
  }

  check(name: string): void {
    void this.tryNow(name);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.refresh();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    window.clearTimeout(this.timer);
  }

  dispose(): void {
    window.clearTimeout(this.timer);
    super.dispose();
  }

  private async tryNow(name: string): Promise<void> {
    this.checking.add(name);
    this.draw();
    try {
      const { source, problem } = await check(this.host.settings, name);
      this.sources = this.sources.flatMap(one => (one.name !== name ? [one] : source ? [source] : []));
      this.say(problem || `${source?.title ?? name} can be used.`);
    } catch (error) {
      this.say(`The workspace does not answer (${error instanceof Error ? error.message : error}).`);
    }
    this.checking.delete(name);
    this.draw();
  }

  private say(text: string): void {
    this.said.textContent = text;
  }

  private sources: ISource[] = [];
  private problem = '';
  private loaded = false;
  private timer = 0;
  private readonly open = new Set<string>();
  private readonly chosen = new Map<string, number>();
  private readonly checking = new Set<string>();
  private readonly filter: HTMLInputElement;
  private readonly list: HTMLElement;
  private readonly said: HTMLElement;
}
