import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IEvent, IJob, IOrder, IPreview, IProblem, JobState } from './logic/model';
import { Cutter } from './logic/sse';
import { Refused, type IServer } from './logic/state';

/** The server extension's API, see its handlers. */
export class Server implements IServer {
  constructor(settings: ServerConnection.ISettings) {
    this._settings = settings;
  }

  preview(notebook: string, edits: object, folder: string): Promise<IPreview> {
    return this._ask('preview', { notebook, edits, folder });
  }

  async latest(notebook: string): Promise<IJob | null> {
    return (await this._ask<{ job: IJob | null }>(`jobs?${new URLSearchParams({ notebook })}`)).job;
  }

  start(order: IOrder): Promise<IJob> {
    return this._ask('jobs', order);
  }

  cancel(job: string): Promise<IJob> {
    return this._ask(`jobs/${job}/cancel`, {});
  }

  job(job: string): Promise<IJob> {
    return this._ask(`jobs/${job}`);
  }

  /**
   * Read events, from number `since` on, until the job is over; returns its state.
   *
   * Read with fetch and not with an EventSource, which cannot send the token of a server that has
   * no cookie. Throws a TypeError when the line is cut; the caller asks again for what is missing.
   */
  async follow(
    job: string,
    since: number,
    take: (event: IEvent) => void,
    signal: AbortSignal
  ): Promise<JobState> {
    const response = await this._request(`jobs/${job}/events?since=${since}`, { signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const cutter = new Cutter();
    for (;;) {
      const { done, value } = await reader.read();
      for (const message of cutter.push(value ?? '')) {
        if (message.event === 'end') {
          return JSON.parse(message.data).state;
        }
        take(JSON.parse(message.data));
      }
      if (done) {
        throw new TypeError('The stream of events ended early.');
      }
    }
  }

  private async _ask<T>(path: string, body?: object): Promise<T> {
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : {};
    return (await this._request(path, init)).json();
  }

  private async _request(path: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this._settings.baseUrl, 'datalab-export/api') + '/' + path;
    const response = await ServerConnection.makeRequest(url, init, this._settings);
    if (!response.ok) {
      throw new Refused(problem(response.status, await response.json().catch(() => ({}))));
    }
    return response;
  }

  private _settings: ServerConnection.ISettings;
}

function problem(status: number, said: { error?: IProblem; message?: string }): IProblem {
  if (said.error) {
    return said.error;
  }
  if (status === 404 && !said.message?.includes('export')) {
    return {
      message: 'This server does not know “Export to pipeline”.',
      hint: 'Its extension datalab_pipelines.server is not installed or not enabled.'
    };
  }
  return { message: said.message || `The server answered ${status}.` };
}
