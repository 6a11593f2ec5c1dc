import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget } from '@jupyterlab/apputils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { shareIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

import { ExportPanel } from './panel';

const OPEN = 'datalab-export:open';

/** Offers the export where notebooks are; menu and toolbar entries stand in schema/plugin.json. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@datalab/pipelines:plugin',
  description: 'Exports notebooks as pipelines.',
  autoStart: true,
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, palette: ICommandPalette | null) => {
    app.commands.addCommand(OPEN, {
      label: 'Export to Pipeline…',
      caption: 'Export this notebook as a pipeline project',
      icon: shareIcon,
      isEnabled: () => current(app) !== null,
      execute: () => {
        const notebook = current(app);
        if (notebook) {
          show(app, notebook);
        }
      }
    });
    palette?.addItem({ command: OPEN, category: 'Notebook Operations' });
  }
};

/** The part of a notebook's view that is used here; the whole package is not needed for it. */
interface ICells extends Widget {
  activeCellIndex: number;
  scrollToItem(index: number, align: string): Promise<void>;
}

function current(app: JupyterFrontEnd): DocumentWidget<ICells> | null {
  const widget = app.shell.currentWidget;
  const isNotebook = widget instanceof DocumentWidget && widget.hasClass('jp-NotebookPanel');
  return isNotebook ? (widget as DocumentWidget<ICells>) : null;
}

function show(app: JupyterFrontEnd, notebook: DocumentWidget<ICells>): void {
  const content = new ExportPanel(notebook.context.path, {
    settings: app.serviceManager.serverSettings,
    save: async () => {
      if (!notebook.isDisposed && notebook.context.model.dirty) {
        await notebook.context.save();
      }
    },
    jump: cell => {
      if (!notebook.isDisposed) {
        app.shell.activateById(notebook.id);
        notebook.content.activeCellIndex = cell;
        void notebook.content.scrollToItem(cell, 'center');
      }
    },
    open: path => void app.commands.execute('docmanager:open', { path })
  });
  const widget = new MainAreaWidget({ content });
  widget.title.icon = shareIcon;
  app.shell.add(widget, 'main', { mode: 'split-right', ref: notebook.id });
  app.shell.activateById(widget.id);
}

export default plugin;
