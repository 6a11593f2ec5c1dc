import { ServerConnection } from '@jupyterlab/services';
import { Widget } from '@lumino/widgets';

import { ask, Refused } from './api';
import { folderFor, IChoices, none } from './choices';
import { h } from './dom';
import { IEvent, IJob, IPreview, IProblem, IResult } from './model';
import { problemView, resultView, stagesView, warningsView } from './views';

/** What the panel needs of the application. */
export interface IHost {
  settings: ServerConnection.ISettings;
  save(): Promise<void>;
  jump(cell: number): void;
  open(path: string): void;
}

const STEPS: Record<string, string> = {
  analyse: 'Reading and planning…',
  verify: 'Running notebook and pipeline, and comparing…',
  write: 'Writing the project…',
  commit: 'Committing…'
};

/** Shows how a notebook becomes a pipeline, takes edits, and exports. */
export class ExportPanel extends Widget {
  constructor(
    private readonly path: string,
    private readonly host: IHost
  ) {
    super();
    this.addClass('datalab-Export');
    this.title.label = 'Export to pipeline';
    this.title.closable = true;
    void this.preview();
  }

  /** Save the notebook, and plan with the choices made so far. */
  async preview(choices: IChoices = this.choices): Promise<void> {
    const turn = ++this.turn;
    this.node.setAttribute('aria-busy', 'true');
    if (!this.shown) {
      this.node.replaceChildren(h('p', { role: 'status' }, 'Reading the notebook…'));
    }
    try {
      await this.host.save();
      const shown = await ask<IPreview>(this.host.settings, 'preview', {
        notebook: this.path,
        choices
      });
      if (turn !== this.turn) {
        return; // a later edit is under way
      }
      this.choices = choices;
      this.shown = shown;
      this.folder ||= folderFor(this.path, shown.plan.name);
      this.draw();
    } catch (error) {
      if (turn === this.turn) {
        this.draw(problemOf(error));
      }
    }
    this.node.removeAttribute('aria-busy');
  }

  private draw(problem: IProblem | null = null): void {
    const parts: Node[] = [h('h1', {}, 'Export to pipeline'), h('p', { class: 'datalab-Export-path' }, this.path)];
    if (problem) {
      parts.push(problemView(problem, cell => this.host.jump(cell)));
    }
    if (this.shown) {
      const { plan } = this.shown;
      const change = (choices: IChoices) => void this.preview(choices);
      parts.push(stagesView(plan, this.choices, change, cell => this.host.jump(cell)));
      if (plan.parameters.length) {
        const items = plan.parameters.map(one =>
          h('li', {}, h('code', {}, `${one.name}: ${one.type} = ${JSON.stringify(one.default)}`))
        );
        parts.push(h('h2', {}, 'Parameters'), h('ul', {}, ...items));
      }
      parts.push(...warningsView(plan, cell => this.host.jump(cell)), this.form());
    } else {
      parts.push(h('button', { class: 'jp-mod-styled', click: () => void this.preview() }, 'Try again'));
    }
    this.node.replaceChildren(...parts);
  }

  private form(): HTMLElement {
    const { can } = this.shown!;
    const folder = h('input', {
      class: 'jp-mod-styled',
      value: this.folder,
      required: true,
      input: event => (this.folder = (event.target as HTMLInputElement).value)
    });
    const check = (name: 'verify' | 'commit', text: string) =>
      h(
        'label',
        { class: 'datalab-Export-check' },
        h('input', {
          type: 'checkbox',
          name,
          checked: this.wanted[name],
          change: event => (this.wanted[name] = (event.target as HTMLInputElement).checked)
        }),
        text
      );
    return h(
      'form',
      {
        submit: event => {
          event.preventDefault();
          void this.run();
        }
      },
      h('h2', {}, 'Project'),
      h('label', {}, 'Folder', folder),
      ...(can.verify ? [check('verify', 'Verify: run notebook and pipeline, and compare')] : []),
      ...(can.commit ? [check('commit', 'Commit to git')] : []),
      h('div', { class: 'datalab-Export-live', 'aria-live': 'polite' }),
      h('button', { class: 'jp-mod-styled jp-mod-accept', type: 'submit' }, 'Export')
    );
  }

  private async run(): Promise<void> {
    const form = this.node.querySelector('form')!;
    const live = form.querySelector('.datalab-Export-live')!;
    for (const one of this.node.querySelectorAll('input, button, select')) {
      one.toggleAttribute('disabled', true);
    }
    try {
      await this.host.save();
      const { settings } = this.host;
      const { verify, commit } = this.shown!.can;
      let job = await ask<IJob>(settings, 'jobs', {
        notebook: this.path,
        choices: this.choices,
        folder: this.folder,
        verify: verify && this.wanted.verify,
        commit: commit && this.wanted.commit
      });
      const cancel = h(
        'button',
        {
          class: 'jp-mod-styled jp-mod-warn',
          type: 'button',
          click: () => void ask(settings, `jobs/${job.id}/cancel`, {}).catch(error => this.draw(problemOf(error)))
        },
        'Cancel'
      );
      form.querySelector('[type=submit]')!.replaceWith(cancel);
      const events: IEvent[] = [];
      while (!this.isDisposed) {
        job = await ask<IJob>(settings, `jobs/${job.id}?since=${events.length}`);
        events.push(...job.events);
        const said = job.events.filter(one => one.step).at(-1);
        if (said) {
          live.replaceChildren(h('progress', { 'aria-label': 'Exporting' }), said.message ?? STEPS[said.step!] ?? said.step!);
        }
        if (job.state !== 'running') {
          break;
        }
      }
      const last = events.at(-1);
      if (last?.result) {
        this.done(last.result);
      } else {
        this.draw(
          job.state === 'cancelled'
            ? { message: 'The export was cancelled; nothing half-written is left.' }
            : (last?.error ?? { message: 'The export ended without a word.' })
        );
      }
    } catch (error) {
      this.draw(problemOf(error));
    }
  }

  private done(result: IResult): void {
    const again = h('button', { class: 'jp-mod-styled', click: () => void this.preview() }, 'Back to the plan');
    const view = resultView(result, this.folder, path => this.host.open(path));
    this.node.replaceChildren(view, again);
    view.querySelector<HTMLElement>('h1')?.focus();
  }

  private choices: IChoices = none();
  private shown: IPreview | null = null;
  private folder = '';
  private turn = 0;
  private wanted = { verify: true, commit: true };
}

function problemOf(error: unknown): IProblem {
  return error instanceof Refused ? error.problem : { message: String(error) };
}
