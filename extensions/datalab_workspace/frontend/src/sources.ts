import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ISignal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { databaseIcon } from './sourcesIcons';
import { SourcesPanel } from './sourcesPanel';
import { place } from './sourcesWords';

const OPEN = 'datalab-sources:open';
const INSERT_BELOW = 'notebook:insert-cell-below';
/** Below the file browser and the running kernels, above what others add. */
const RANK = 300;

/** The part of a notebook's view that is used here; the whole package is not needed for it. */
interface INotebook extends Widget {
  content: Widget & {
    mode: string;
    activeCell: ICell | null;
    activeCellIndex: number;
  };
}

interface ICell {
  model: {
    type: string;
    getMetadata(key: string): unknown;
    sharedModel: { getSource(): string; updateSource(start: number, end: number, value: string): void };
  };
  editor: {
    getCursorPosition(): { line: number; column: number };
    setCursorPosition(position: { line: number; column: number }): void;
    getOffsetAt(position: { line: number; column: number }): number;
    getPositionAt(offset: number): { line: number; column: number } | undefined;
  } | null;
}

/** Lists the data sources at the left side, with code for each. */
export const sources: JupyterFrontEndPlugin<void> = {
  id: '@datalab/workspace:sources',
  description: 'Lists data sources, what one may do, and code that uses them.',
  autoStart: true,
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    if (PageConfig.getOption('datalabSources') !== 'true') {
      return; // nobody declared any
    }
    const panel = new SourcesPanel({
      settings: app.serviceManager.serverSettings,
      insertable: () => current(app) !== null,
      insert: code => insert(app, code)
    });
    app.shell.add(panel, 'left', { rank: RANK, type: 'Data Sources' });
    restorer?.add(panel, panel.id);
    const changed = (app.shell as { currentChanged?: ISignal<unknown, unknown> }).currentChanged;
    changed?.connect(() => {
      if (panel.isVisible) {
        panel.draw();
      }
    });
    app.commands.addCommand(OPEN, {
      label: 'Show Data Sources',
      caption: 'What data there is, what you may do, and code that uses it',
      icon: databaseIcon,
      execute: () => app.shell.activateById(panel.id)
    });
    palette?.addItem({ command: OPEN, category: 'Data' });
  }
};

function current(app: JupyterFrontEnd): INotebook | null {
  const widget = app.shell.currentWidget;
  return widget?.hasClass('jp-NotebookPanel') ? (widget as INotebook) : null;
}

async function insert(app: JupyterFrontEnd, code: string): Promise<string> {
  const notebook = current(app);
  if (!notebook) {
    throw new Error('open a notebook first.');
  }
  let cell = notebook.content.activeCell;
  const writable = cell?.model.type === 'code' && cell.model.getMetadata('editable') !== false;
  if (!writable) {
    app.shell.activateById(notebook.id);
    await app.commands.execute(INSERT_BELOW);
    cell = notebook.content.activeCell;
  }
  if (!cell) {
    throw new Error('the notebook has no cell.');
  }
  const source = cell.model.sharedModel.getSource();
  const cursor = cell.editor ? cell.editor.getOffsetAt(cell.editor.getCursorPosition()) : source.length;
  const { at, text } = place(source, cursor, code);
  cell.model.sharedModel.updateSource(at, at, text);
  // On with the keyboard there: Shift+Enter runs it.
  app.shell.activateById(notebook.id);
  notebook.content.mode = 'edit';
  const position = cell.editor?.getPositionAt(at + text.length);
  if (position) {
    cell.editor?.setCursorPosition(position);
  }
  return `Inserted into cell ${notebook.content.activeCellIndex + 1} of ${notebook.title.label}.`;
}
