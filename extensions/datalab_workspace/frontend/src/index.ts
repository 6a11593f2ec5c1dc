import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { farewell } from './farewell';
import { advise, IIdleStatus } from './idle';
import { launcher } from './launcher';
import { notices } from './notices';
import { sources } from './sources';
import { stop } from './stop';

const RETRY_SECONDS = 60;

/** Ask the server when this workspace will be stopped, or tell it that somebody is here. */
async function request(
  settings: ServerConnection.ISettings,
  method: 'GET' | 'POST'
): Promise<IIdleStatus & { reported?: boolean }> {
  const path = method === 'GET' ? 'idle' : 'idle/extend';
  const url = URLExt.join(settings.baseUrl, 'datalab/api', path);
  const response = await ServerConnection.makeRequest(
    url,
    { method },
    settings
  );
  if (!response.ok) {
    throw new ServerConnection.ResponseError(response);
  }
  return response.json();
}

/** Shows one notification while a stop is near, and takes it away when it no longer is. */
class IdleWarning {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /** Look now, and again whenever it is time. */
  async watch(): Promise<void> {
    window.clearTimeout(this.timer);
    let next = RETRY_SECONDS;
    try {
      next = this.show(await request(this.settings, 'GET'));
    } catch (error) {
      // Lab itself tells the person that the server is gone; here is only the next try.
      console.warn('When this workspace stops is not known now.', error);
    }
    this.timer = window.setTimeout(() => void this.watch(), next * 1000);
  }

  private show(status: IIdleStatus): number {
    const clock = (moment: number) =>
      new Date(moment).toLocaleTimeString([], {
        hour: '2-digit',
        minute: '2-digit'
      });
    const { message, extendable, checkIn } = advise(status, clock);
    if (!message) {
      this.hide();
      return checkIn;
    }
    const options: Notification.IOptions<null> = {
      autoClose: false,
      actions: extendable
        ? [
            {
              label: 'Keep working',
              caption: 'Put the stop off',
              displayType: 'accent',
              callback: event => {
                event.preventDefault(); // it goes away when the hub knows, not before
                void this.extend();
              }
            }
          ]
        : []
    };
    if (this.id === null) {
      this.id = Notification.warning(message, options);
    } else if (Notification.manager.has(this.id)) {
      Notification.update({ id: this.id, message, ...options });
    } // else the person has closed it, and it stays closed until the next time
    return checkIn;
  }

  private hide(): void {
    if (this.id !== null) {
      Notification.dismiss(this.id);
    }
    this.id = null;
  }

  private async extend(): Promise<void> {
    try {
      const status = await request(this.settings, 'POST');
      if (status.reported === false) {
        throw new Error('the hub did not answer');
      }
    } catch (error) {
      Notification.error(
        `The stop was not put off (${error}). Try again, or save your work now.`
      );
    }
    await this.watch();
  }

  /** The notification of this time; null while no stop is near. */
  private id: string | null = null;
  private timer = 0;
}

/** Warns before the workspace is stopped, for being idle or for reaching its limit. */
const idle: JupyterFrontEndPlugin<void> = {
  id: '@datalab/workspace:idle',
  description: 'Warns before the workspace is stopped, and puts it off.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    const warning = new IdleWarning(app.serviceManager.serverSettings);
    void app.restored.then(() => warning.watch());
    // A computer that slept, or a tab in the background, has timers that come late.
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') {
        void warning.watch();
      }
    });
  }
};

export default [farewell, idle, launcher, notices, sources, stop];
