import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { shareIcon } from '@jupyterlab/ui-components';

import { ExportPanel } from './panel';

const OPEN = 'datalab-export:open';

/** Offers the export where notebooks are; menu and toolbar entries stand in schema/plugin.json. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: '@datalab/pipelines:plugin',
  description: 'Exports notebooks as pipelines.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null) => {
    app.commands.addCommand(OPEN, {
      label: 'Export to Pipeline…',
      caption: 'Export this notebook as a pipeline project',
      icon: shareIcon,
      isEnabled: () => tracker.currentWidget !== null,
      execute: () => {
        if (tracker.currentWidget) {
          show(app, tracker.currentWidget);
        }
      }
    });
    palette?.addItem({ command: OPEN, category: 'Notebook Operations' });
  }
};

function show(app: JupyterFrontEnd, notebook: NotebookPanel): void {
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
