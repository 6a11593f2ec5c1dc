import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { SplitPanel, type Widget } from '@lumino/widgets';

import { pipelineIcon } from './icon';
import { isNotebook, local, type NotebookPanel, opened, unfit } from './notebooks';
import { ExportPanel } from './panel';

const OPEN = 'datalab-export:open';
const OPEN_FILE = 'datalab-export:open-file';
const LABEL = 'Export to pipeline…';
const CAPTION = 'Export this notebook as a pipeline project';
const ASKED = 'export-to-pipeline'; // in the address of a Notebook 7 page: open the panel

/** Offers the export where notebooks are; menu and toolbar entries stand in schema/plugin.json. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@datalab/pipelines:plugin',
  description: 'Exports notebooks as pipelines.',
  autoStart: true,
  optional: [ICommandPalette, IFileBrowserFactory, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    files: IFileBrowserFactory | null,
    restorer: ILayoutRestorer | null
  ) => {
    const panels = new Panels(app);
    const why = () => {
      const notebook = current(app);
      return notebook ? unfit(app, notebook) : 'Open a notebook first.';
    };
    app.commands.addCommand(OPEN, {
      label: LABEL,
      caption: () => why() || CAPTION,
      icon: pipelineIcon,
      isEnabled: args => typeof args.path === 'string' || !why(),
      execute: args => {
        const notebook = current(app);
        const path = args.path ?? (notebook && local(app, notebook.context.path));
        return typeof path === 'string' ? panels.show(path, args.restored === true) : undefined;
      }
    });
    app.commands.addCommand(OPEN_FILE, {
      label: LABEL,
      caption: CAPTION,
      icon: pipelineIcon,
      execute: () => {
        const items = [...(files?.tracker.currentWidget?.selectedItems() ?? [])];
        const chosen = items.find(item => item.type === 'notebook');
        return chosen && panels.open(local(app, chosen.path));
      }
    });
    const notify = () => app.commands.notifyCommandChanged(OPEN);
    palette?.addItem({ command: OPEN, category: 'Notebook Operations' });
    app.shell.currentChanged?.connect(() => {
      const notebook = current(app);
      // The language is known when the file is read, and changes with the kernel.
      void notebook?.context.ready.then(notify);
      notebook?.context.sessionContext.kernelChanged.connect(notify);
      notify();
    });
    if (restorer) {
      void restorer.restore(panels.tracker, {
        command: OPEN,
        args: widget => ({ path: widget.content.path, restored: true }),
        name: widget => widget.content.path
      });
    }
    if (new URLSearchParams(location.search).has(ASKED)) {
      void app.restored.then(async () => {
        const notebook = await first(app);
        await notebook.context.ready;
        await panels.show(local(app, notebook.context.path));
      });
    }
  }
};

/** The notebook that the shell shows; where a panel was clicked last, the notebook of the panel. */
function current(app: JupyterFrontEnd): NotebookPanel | null {
  const widget = app.shell.currentWidget;
  if (widget instanceof MainAreaWidget && widget.content instanceof ExportPanel) {
    return opened(app, widget.content.path);
  }
  return isNotebook(widget) ? widget : null;
}

/** The page's notebook, once it is there. */
async function first(app: JupyterFrontEnd): Promise<NotebookPanel> {
  for (;;) {
    const found = [...app.shell.widgets('main')].find(isNotebook);
    if (found) {
      return found;
    }
    await new Promise(later => setTimeout(later, 100));
  }
}

/** The open panels, one for each notebook. */
class Panels {
  constructor(app: JupyterFrontEnd) {
    this._app = app;
  }

  readonly tracker = new WidgetTracker<MainAreaWidget<ExportPanel>>({ namespace: 'datalab-export' });

  /** Show the panel of a notebook beside it. */
  async show(path: string, restored = false): Promise<void> {
    const { shell } = this._app;
    const known = this.tracker.find(widget => widget.content.path === path);
    if (known) {
      known.content.refresh();
      return shell.activateById(known.id);
    }
    const content = new ExportPanel(this._app, path, restored);
    const widget = new MainAreaWidget({ content });
    widget.id = `${content.id}-area`;
    widget.title.label = content.title.label;
    widget.title.caption = content.title.caption;
    widget.title.icon = pipelineIcon;
    this._place(widget, opened(this._app, path));
    await this.tracker.add(widget);
    shell.activateById(widget.id);
    if (isNotebook7()) {
      requestAnimationFrame(() => widen(widget));
    }
  }

  /** Open a notebook, and its panel beside it; in Notebook 7, whose pages are single, on its page. */
  async open(path: string): Promise<void> {
    if (isNotebook7()) {
      const page = URLExt.join(PageConfig.getBaseUrl(), 'notebooks', URLExt.encodeParts(path));
      window.open(`${page}?${ASKED}`, '_blank', 'noopener');
      return;
    }
    const notebook = (await this._app.commands.execute('docmanager:open', { path })) as NotebookPanel;
    await notebook?.context.ready;
    await this.show(path);
  }

  /** Notebook 7 has one document a page, and side areas; Lab has room in its main area. */
  private _place(widget: Widget, notebook: NotebookPanel | null): void {
    const { shell } = this._app;
    if (isNotebook7()) {
      shell.add(widget, 'right', { rank: 900 });
    } else {
      shell.add(widget, 'main', notebook ? { mode: 'split-right', ref: notebook.id } : {});
    }
  }

  private _app: JupyterFrontEnd;
}

const COMFORTABLE = 440; // pixels

/** Give a side area that is narrower than comfortable room once; a person may change that. */
function widen(widget: Widget): void {
  let child: Widget = widget;
  while (child.parent && !(child.parent instanceof SplitPanel)) {
    child = child.parent;
  }
  const split = child.parent;
  if (!(split instanceof SplitPanel) || split.orientation !== 'horizontal') {
    return;
  }
  const lacking = COMFORTABLE / split.node.clientWidth - child.node.clientWidth / split.node.clientWidth;
  const at = split.widgets.indexOf(child);
  const sizes = split.relativeSizes();
  const widest = sizes.indexOf(Math.max(...sizes));
  if (lacking > 0 && widest !== at) {
    sizes[at] += lacking;
    sizes[widest] -= lacking;
    split.setRelativeSizes(sizes);
  }
}

function isNotebook7(): boolean {
  return PageConfig.getOption('notebookPage') !== '';
}

export default plugin;
