import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, ReactWidget } from '@jupyterlab/apputils';
import { Debouncer } from '@lumino/polling';
import * as React from 'react';

import { Server } from './api';
import { pipelineIcon } from './icon';
import { content, jump, opened, save } from './notebooks';
import { Store } from './store';
import { Panel } from './views/Panel';

const LOOK_MS = 400; // milliseconds of rest before the editor is compared with the plan

/** The panel of one notebook. */
export class ExportPanel extends ReactWidget {
  constructor(app: JupyterFrontEnd, path: string, restored: boolean) {
    super();
    this.path = path;
    this._app = app;
    this._store = new Store(path, new Server(app.serviceManager.serverSettings), async () => {
      const notebook = opened(app, path);
      const saved = await save(app, notebook);
      this._planned = content(notebook);
      return saved;
    });
    this._look = new Debouncer(() => this._compare(), LOOK_MS);
    this.id = `datalab-export-${path}`;
    this.addClass('datalab-Export');
    this.title.label = `Export ${path.split('/').pop()}`;
    this.title.caption = `Export ${path} to a pipeline`;
    this.title.icon = pipelineIcon;
    this.title.closable = true;
    this._watch();
    void this._store.open(restored);
  }

  readonly path: string;

  /** Plan again what is in the notebook now, unless an export is shown. */
  refresh(): void {
    this._watch();
    if (['plan', 'refused'].includes(this._store.state.view)) {
      void this._store.plan();
    }
  }

  render(): React.ReactElement {
    const host = {
      store: this._store,
      jump: (cell: number, line?: number | null) => void jump(this._app, this.path, cell, line),
      open: (path: string) => {
        const factory = path.endsWith('.md') ? 'Markdown Preview' : undefined;
        void this._app.commands.execute('docmanager:open', { path, factory });
      },
      copy: (text: string) => Clipboard.copyToSystem(text)
    };
    return <Panel host={host} path={this.path} />;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._store.dispose();
      this._look.dispose();
      super.dispose();
    }
  }

  /** Hear of changes in the notebook, now or when it is opened again. */
  private _watch(): void {
    const model = opened(this._app, this.path)?.context.model;
    model?.contentChanged.disconnect(this._changed, this);
    model?.contentChanged.connect(this._changed, this);
  }

  private _changed(): void {
    void this._look.invoke();
  }

  /** Say that the plan is of another notebook than the editor shows. */
  private _compare(): void {
    const { view } = this._store.state;
    const notebook = opened(this._app, this.path);
    if ((view === 'plan' || view === 'refused') && notebook && content(notebook) !== this._planned) {
      this._store.changed();
    }
  }

  private _look: Debouncer;
  private _planned = '';
  private _app: JupyterFrontEnd;
  private _store: Store;
}
