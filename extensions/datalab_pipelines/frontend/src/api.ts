import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IProblem } from './model';

/** The server refused, and says why and where. */
export class Refused extends Error {
  constructor(readonly problem: IProblem) {
    super(problem.message);
  }
}

/** Ask the server extension; throws Refused with what it says is wrong. */
export async function ask<T>(
  settings: ServerConnection.ISettings,
  path: string,
  body?: object
): Promise<T> {
  const url = URLExt.join(settings.baseUrl, 'datalab-export/api') + '/' + path;
  const init = body ? { method: 'POST', body: JSON.stringify(body) } : { method: 'GET' };
  const response = await ServerConnection.makeRequest(url, init, settings);
  const said = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Refused(
      said.error ?? { message: said.message || `The server answered ${response.status}` }
    );
  }
  return said;
}
