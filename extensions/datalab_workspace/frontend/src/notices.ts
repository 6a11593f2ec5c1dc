import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

interface INotice {
  level: 'info' | 'warning';
  text: string;
  title: string;
}

/** JupyterLab cuts off what is longer. */
const LONGEST = 140;

/** Time to read that a GPU is there; a warning stays until somebody closes it. */
const INFO_MILLISECONDS = 10_000;

async function show(settings: ServerConnection.ISettings): Promise<void> {
  const url = URLExt.join(settings.baseUrl, 'datalab/api/notices');
  const response = await ServerConnection.makeRequest(url, {}, settings);
  if (!response.ok) {
    throw new ServerConnection.ResponseError(response);
  }
  const { notices } = (await response.json()) as { notices: INotice[] };
  for (const { level, text, title } of notices) {
    const autoClose = level === 'info' ? INFO_MILLISECONDS : false;
    if (text.length <= LONGEST) {
      Notification.emit(text, level, { autoClose });
      continue;
    }
    const details = {
      label: 'Details',
      callback: (event: MouseEvent) => {
        event.preventDefault(); // the notification stays
        void showDialog({ title, body: text, buttons: [Dialog.okButton()] });
      }
    };
    Notification.emit(title, level, { autoClose, actions: [details] });
  }
}

/** Says why a workspace runs in safe mode, that its home is full, which GPU it has. */
export const notices: JupyterFrontEndPlugin<void> = {
  id: '@datalab/workspace:notices',
  description: 'Shows what a person should know when their workspace opens.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    void app.restored
      .then(() => show(app.serviceManager.serverSettings))
      .catch(error =>
        console.warn('What this workspace has to say is unknown.', error)
      );
  }
};
