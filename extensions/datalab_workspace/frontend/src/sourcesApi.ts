import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { ISource } from './sourcesWords';

/** Ask the workspace which sources there are; `problem` is a sentence when nobody can say. */
export async function list(
  settings: ServerConnection.ISettings
): Promise<{ sources: ISource[]; problem: string }> {
  return request(settings, 'GET');
}

/** Try a source now; `problem` is the broker's sentence when it refuses. */
export async function check(
  settings: ServerConnection.ISettings,
  name: string
): Promise<{ source: ISource | null; problem: string }> {
  return request(settings, 'POST', name);
}

async function request<T>(
  settings: ServerConnection.ISettings,
  method: 'GET' | 'POST',
  name = ''
): Promise<T> {
  const url = URLExt.join(settings.baseUrl, 'datalab/api/sources', name);
  const response = await ServerConnection.makeRequest(url, { method }, settings);
  if (!response.ok) {
    throw new ServerConnection.ResponseError(response);
  }
  return response.json();
}
