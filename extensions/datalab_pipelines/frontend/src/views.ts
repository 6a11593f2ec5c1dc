import { computeFor, IChoices, merge, place, rename, split, wrongName } from './choices';
import { h } from './dom';
import { IPlan, IProblem, IResult, IStage } from './model';

type Jump = (cell: number) => void;
type Change = (choices: IChoices) => void;

const COMPUTE = ['', 'Lambda()', 'SageMakerProcessing()', 'SageMakerTraining()'];

/** The stages from top to bottom, with what flows between them. */
export function stagesView(plan: IPlan, choices: IChoices, change: Change, jump: Jump): HTMLElement {
  const list = h('ol', { class: 'datalab-Export-stages', 'aria-label': 'Stages' });
  plan.stages.forEach((stage, index) => {
    list.append(stageView(plan, stage, index, choices, change, jump));
  });
  const why = plan.whole ? [h('p', {}, `One stage: ${plan.whole}`)] : [];
  return h('section', {}, h('h2', {}, 'Stages'), ...why, list);
}

function stageView(
  plan: IPlan,
  stage: IStage,
  index: number,
  choices: IChoices,
  change: Change,
  jump: Jump
): HTMLElement {
  const wrong = h('span', { class: 'datalab-Export-wrong', role: 'alert' });
  const name = h('input', {
    class: 'jp-mod-styled datalab-Export-name',
    value: stage.name,
    'aria-label': `Name of stage ${index + 1}`,
    change: event => {
      const to = (event.target as HTMLInputElement).value.trim();
      wrong.textContent = wrongName(plan, index, to);
      if (!wrong.textContent && to !== stage.name) {
        change(rename(choices, stage.name, to));
      }
    }
  });
  const compute = h(
    'select',
    {
      class: 'jp-mod-styled',
      'aria-label': `Compute of ${stage.name}`,
      change: event => change(computeFor(choices, stage.name, (event.target as HTMLSelectElement).value))
    },
    ...[...new Set([...COMPUTE, stage.compute])].map(value =>
      h('option', { value, selected: value === stage.compute }, value.replace('()', '') || 'Default compute')
    )
  );
  const tools: Node[] = [name, compute];
  if (index) {
    const join = () => change(merge(choices, plan, index));
    tools.push(h('button', { class: 'jp-mod-styled', click: join }, 'Merge with previous'));
  }
  const cells = stage.cells.map((cell, at) => cellView(plan, cell, at > 0, choices, change, jump));
  const flow = (label: string, ports: IStage['inputs']) =>
    ports.length
      ? [h('p', { class: 'datalab-Export-flow' }, label, ...ports.map(port => h('code', { title: port.type }, port.variables.join(' + '))))]
      : [];
  return h(
    'li',
    { class: 'datalab-Export-stage' },
    h('div', { class: 'datalab-Export-tools' }, ...tools),
    wrong,
    h('strong', {}, stage.title),
    ...flow('in', stage.inputs),
    h('details', {}, h('summary', {}, `${stage.cells.length} cells`), h('ul', {}, ...cells)),
    ...flow('out', stage.outputs)
  );
}

function cellView(plan: IPlan, cell: number, splits: boolean, choices: IChoices, change: Change, jump: Jump): HTMLElement {
  const found = plan.cells.find(one => one.index === cell);
  const line = (found?.source ?? '').split('\n').find(one => one.trim()) ?? '';
  const parts: Node[] = [link(`Cell ${cell + 1}`, () => jump(cell)), h('code', {}, line)];
  if (splits) {
    const cut = () => change(split(choices, plan, cell));
    parts.push(h('button', { class: 'jp-mod-styled', click: cut, 'aria-label': `Split at cell ${cell + 1}` }, 'Split here'));
  }
  return h('li', {}, ...parts);
}

/** What a person should know, each with a way to its cell. */
export function warningsView(plan: IPlan, jump: Jump): HTMLElement[] {
  if (!plan.warnings.length) {
    return [];
  }
  const items = plan.warnings.map(one => h('li', {}, ...jumpTo(one, jump), one.message));
  return [h('h2', {}, 'Worth knowing'), h('ul', { class: 'datalab-Export-warnings' }, ...items)];
}

export function problemView(problem: IProblem, jump: Jump): HTMLElement {
  const parts: (Node | string)[] = [...jumpTo(problem, jump), problem.message];
  return h('div', { class: 'datalab-Export-problem', role: 'alert' }, h('p', {}, ...parts), h('p', {}, problem.hint ?? ''));
}

/** What was written, with links, and what verification and git said. */
export function resultView(result: IResult, folder: string, open: (path: string) => void): HTMLElement {
  const files = result.files.map(file => h('li', {}, link(file, () => open(`${folder}/${file}`))));
  const more: Node[] = [];
  for (const [title, found] of Object.entries({ Verification: result.verification, Commit: result.commit })) {
    if (found) {
      more.push(h('h2', {}, title), h('pre', {}, typeof found === 'string' ? found : JSON.stringify(found, null, 2)));
    }
  }
  if (!result.verification) {
    more.push(h('p', {}, 'Not verified: the pipeline was not compared with the notebook.'));
  }
  const warnings = result.warnings.map(one => h('li', {}, `${place(one)} ${one.message}`.trim()));
  return h(
    'section',
    {},
    h('h1', { tabindex: '-1' }, 'Exported'),
    h('p', {}, `${result.files.length} files in ${folder}`),
    h('ul', {}, ...files),
    ...more,
    ...(warnings.length ? [h('h2', {}, 'Worth knowing'), h('ul', {}, ...warnings)] : [])
  );
}

function jumpTo(found: { cell?: number | null; line?: number | null }, jump: Jump): (Node | string)[] {
  const where = place(found);
  return where ? [link(where, () => jump(found.cell!)), ' '] : [];
}

function link(text: string, click: () => void): HTMLElement {
  return h('button', { class: 'datalab-Export-link', type: 'button', click }, text);
}
