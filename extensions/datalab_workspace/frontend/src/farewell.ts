import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { openDocuments } from './stop';
import { saveAll } from './stopping';

const STOP = 'datalab-workspace:stop';
const LABEL = 'Stop This Workspace…';

/** File → Stop This Workspace: saves, asks the hub for the stop, and goes to the start page. */
export const farewell: JupyterFrontEndPlugin<void> = {
  id: '@datalab/workspace:farewell',
  description: 'Stops the workspace from within; the menu entry stands in schema/.',
  autoStart: true,
  requires: [JupyterFrontEnd.IPaths],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    paths: JupyterFrontEnd.IPaths,
    palette: ICommandPalette | null
  ) => {
    const prefix = paths.urls.hubPrefix;
    app.commands.addCommand(STOP, {
      label: LABEL,
      caption: 'End all kernels and terminals and give the machine back; files stay',
      isVisible: () => Boolean(prefix), // a server without a hub is stopped where it was started
      execute: async () => {
        if (await agreed(app)) {
          try {
            await stop(app.serviceManager.serverSettings);
          } catch (error) {
            await showErrorMessage('This workspace was not stopped', error as Error);
            return;
          }
          const start = (paths.urls.hubHost ?? '') + URLExt.join(prefix ?? '', 'home');
          window.location.assign(start);
        }
      }
    });
    palette?.addItem({ command: STOP, category: 'Datalab' });
  }
};

/** Ask, then save what is open; ask again where something could not be saved. */
async function agreed(app: JupyterFrontEnd): Promise<boolean> {
  const first = await showDialog({
    title: 'Stop this workspace?',
    body:
      'What is open is saved, and files stay. Kernels and terminals end, ' +
      'and what was only in their memory is gone.',
    buttons: [
      Dialog.cancelButton({ label: 'Keep working' }),
      Dialog.warnButton({ label: 'Stop' })
    ]
  });
  if (!first.button.accept) {
    return false;
  }
  const { failed } = await saveAll(openDocuments(app));
  if (failed.length === 0) {
    return true;
  }
  const second = await showDialog({
    title: 'Stop without saving?',
    body: `Not saved: ${failed.join(', ')}. Stopping now loses these changes.`,
    buttons: [
      Dialog.cancelButton({ label: 'Keep working' }),
      Dialog.warnButton({ label: 'Stop all the same' })
    ]
  });
  return second.button.accept;
}

async function stop(settings: ServerConnection.ISettings): Promise<void> {
  const url = URLExt.join(settings.baseUrl, 'datalab/api/workspace');
  const response = await ServerConnection.makeRequest(url, { method: 'DELETE' }, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
}
