import {
  ILabShell,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';

const CREATE = 'launcher:create';

/**
 * Opens the launcher in an empty workspace as soon as Lab is there.
 *
 * Lab 4.6 does so itself when its first route has been handled, and that waits until the layout
 * has been saved, debounced by most of a second. Lab's own attempt finds the launcher and leaves
 * it. An address that names a document (`/lab/tree/…`) opens that instead.
 */
export const launcher: JupyterFrontEndPlugin<void> = {
  id: '@datalab/workspace:launcher',
  description: 'Opens the launcher without waiting for the layout to be saved.',
  autoStart: true,
  optional: [ILabShell], // Notebook 7 has none, and no launcher either
  activate: (app: JupyterFrontEnd, shell: ILabShell | null) => {
    void app.restored.then(() => {
      const empty = shell?.isEmpty('main') && !PageConfig.getOption('treePath');
      if (empty && app.commands.hasCommand(CREATE)) {
        void app.commands.execute(CREATE);
      }
    });
  }
};
