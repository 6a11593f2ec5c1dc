import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { ServerConnection } from '@jupyterlab/services';

import { IDocument, saveAll, words } from './stopping';

const SCHEMA = 'https://schema.datalab.example/workspace/stopping';

/** Return every document that is open in the main area. */
export function openDocuments(app: JupyterFrontEnd): IDocument[] {
  const found: IDocument[] = [];
  for (const widget of app.shell.widgets('main')) {
    // What Lab calls a document widget has one; nothing else does.
    const context = (widget as { context?: DocumentRegistry.Context }).context;
    if (context?.model && typeof context.save === 'function') {
      found.push({
        path: context.path,
        dirty: context.model.dirty,
        save: () => context.save()
      });
    }
  }
  return found;
}

/** Saves what is open when the server says that it has been told to stop, and tells the person. */
export const stop: JupyterFrontEndPlugin<void> = {
  id: '@datalab/workspace:stop',
  description: 'Saves what is open before the workspace is stopped.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    const settings = app.serviceManager.serverSettings;
    const url = URLExt.join(settings.baseUrl, 'datalab/api/stop');
    const tab = crypto.randomUUID?.() ?? String(Math.random());
    const say = async (body: object): Promise<void> => {
      const init = { method: 'POST', body: JSON.stringify({ tab, ...body }) };
      const response = await ServerConnection.makeRequest(url, init, settings);
      if (!response.ok) {
        throw new ServerConnection.ResponseError(response);
      }
    };
    app.serviceManager.events.stream.connect((_, event) => {
      if (event.schema_id === SCHEMA) {
        void save(app, say);
      }
    });
  }
};

async function save(
  app: JupyterFrontEnd,
  say: (body: object) => Promise<void>
): Promise<void> {
  // The server waits for whoever has said that they are there.
  const there = say({ state: 'saving' });
  const outcome = await saveAll(openDocuments(app));
  const show = outcome.failed.length > 0 ? Notification.error : Notification.info;
  show(words(outcome), { autoClose: false });
  try {
    await there;
    await say({
      state: 'done',
      saved: outcome.saved.length,
      failed: outcome.failed
    });
  } catch (error) {
    console.warn('The server did not hear what was saved.', error);
  }
}
