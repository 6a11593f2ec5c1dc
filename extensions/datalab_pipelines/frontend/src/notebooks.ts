import type { JupyterFrontEnd } from '@jupyterlab/application';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { Widget } from '@lumino/widgets';

/** The part of a notebook's view that is used here; the whole package is not needed for it. */
interface ICells extends Widget {
  activeCellIndex: number;
  readonly widgets: ReadonlyArray<Widget & { editor?: { setCursorPosition(at: object): void } | null }>;
  scrollToItem(index: number, align?: string): Promise<void>;
}

export type NotebookPanel = DocumentWidget<ICells>;

const FLASH = 'datalab-Export-flash';
const FLASH_MS = 2400;

export function isNotebook(widget: Widget | null): widget is NotebookPanel {
  return widget instanceof DocumentWidget && widget.hasClass('jp-NotebookPanel');
}

/** The open notebook at this path. */
export function opened(app: JupyterFrontEnd, path: string): NotebookPanel | null {
  for (const widget of app.shell.widgets('main')) {
    if (isNotebook(widget) && local(app, widget.context.path) === path) {
      return widget;
    }
  }
  return null;
}

/** The path that the server knows: without the drive that real-time collaboration puts before it. */
export function local(app: JupyterFrontEnd, path: string): string {
  return app.serviceManager.contents.localPath(path);
}

/** Why a notebook cannot be exported; empty when it can. */
export function unfit(app: JupyterFrontEnd, notebook: NotebookPanel): string {
  const drive = app.serviceManager.contents.driveName(notebook.context.path);
  if (drive && drive !== 'RTC') {
    return `The notebook is on ${drive}: only notebooks in the workspace's files can be exported.`;
  }
  const { defaultKernelLanguage: language } = notebook.context.model as { defaultKernelLanguage?: string };
  if (language && !/^i?python$/i.test(language)) {
    return `Only Python notebooks can be exported; this one is in ${language}.`;
  }
  return '';
}

interface IModel {
  readonly cells: Iterable<{ type: string; sharedModel: { getSource(): string }; getMetadata(key: string): unknown }>;
}

interface IStored {
  cell_type: string;
  source: string | string[];
  metadata: { tags?: string[] };
}

/** What an export depends on: changes of outputs and of the kernel's name are none. */
export function content(notebook: NotebookPanel | null): string {
  const cells = [...((notebook?.context.model as unknown as IModel | undefined)?.cells ?? [])];
  return JSON.stringify(cells.map(cell => [cell.type, cell.sharedModel.getSource(), cell.getMetadata('tags')]));
}

/**
 * Save an open notebook if it has changes; says whether these were changes of cells.
 *
 * A notebook that was only opened can count as changed: Lab adds what it lacks, such as the version
 * of the kernel. Nobody has to be told that. Throws why it cannot be saved.
 */
export async function save(app: JupyterFrontEnd, notebook: NotebookPanel | null): Promise<boolean> {
  if (!notebook || notebook.isDisposed || !notebook.context.model.dirty) {
    return false;
  }
  const { path } = notebook.context;
  const stored = await app.serviceManager.contents.get(path, { type: 'notebook', content: true });
  const before = (stored.content.cells as IStored[]).map(cell => [
    ...[cell.cell_type, typeof cell.source === 'string' ? cell.source : cell.source.join('')],
    cell.metadata.tags
  ]);
  await notebook.context.save();
  return JSON.stringify(before) !== content(notebook);
}

/** Show a cell, with the cursor in its line, and highlight it for a moment. */
export async function jump(
  app: JupyterFrontEnd,
  path: string,
  cell: number,
  line?: number | null
): Promise<void> {
  let notebook = opened(app, path);
  if (!notebook) {
    notebook = (await app.commands.execute('docmanager:open', { path })) as NotebookPanel;
    await notebook.context.ready;
  }
  app.shell.activateById(notebook.id);
  const { content } = notebook;
  content.activeCellIndex = cell;
  await content.scrollToItem(cell, 'center');
  const widget = content.widgets[cell];
  if (line && widget?.editor) {
    widget.editor.setCursorPosition({ line: line - 1, column: 0 });
  }
  widget?.node.classList.remove(FLASH);
  void widget?.node.offsetWidth; // so that the animation begins anew
  widget?.node.classList.add(FLASH);
  setTimeout(() => widget?.node.classList.remove(FLASH), FLASH_MS);
}
