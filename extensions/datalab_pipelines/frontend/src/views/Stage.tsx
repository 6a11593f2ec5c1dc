import { addIcon, caretDownIcon, caretRightIcon, moveDownIcon, moveUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { first, merge, refusedSplit, rename, split, wrongName } from '../logic/edits';
import type { IStage } from '../logic/model';
import type { IEdge } from '../logic/rail';
import type { IState } from '../logic/state';
import { count, headline, span } from '../logic/text';
import { Compute } from './Compute';
import { Field, IconButton } from './Field';
import { useHost } from './host';
import { WarningList } from './Notes';

function cardOf(cell: number): string {
  return `datalab-Export-stage-${cell}`;
}

/** Go to the stage that begins with a cell: the button that was pressed may be gone. */
function goTo(cell: number): void {
  requestAnimationFrame(() => document.getElementById(cardOf(cell))?.focus());
}

export interface IStageProps {
  state: IState;
  index: number;
  edges: IEdge[];
  open: boolean;
  toggle: () => void;
}

/** A stage as a card: what it is, and when opened its cells and where it runs. */
export function Stage(props: IStageProps): React.ReactElement {
  const { state, index } = props;
  const { store } = useHost();
  const { plan } = state.preview!;
  const stage = plan.stages[index];
  const id = React.useId();
  const field = `stages.${first(stage)}.name`;
  const warnings = plan.warnings.filter(one => one.cell !== null && stage.cells.includes(one.cell));
  const say = (name: string) => {
    const wrong = wrongName(plan, stage, name);
    store.mark(field, wrong);
    if (!wrong && name !== stage.name) {
      void store.edit(rename(state.edits, stage, name), `${stage.name} is called ${name} now.`);
    }
  };
  const preset = state.preview!.presets.find(one => one.value === stage.compute);
  return (
    <article
      id={cardOf(first(stage))}
      className="datalab-Export-card"
      aria-labelledby={`${id}-title`}
      tabIndex={-1}
    >
      <h3 id={`${id}-title`} className="datalab-Export-unseen">
        Stage {index + 1}: {stage.name}, {span(stage)}
      </h3>
      <div className="datalab-Export-cardHead">
        <IconButton
          label={`${props.open ? 'Close' : 'Open'} ${stage.name}`}
          icon={props.open ? caretDownIcon : caretRightIcon}
          expanded={props.open}
          controls={`${id}-body`}
          click={props.toggle}
        />
        <Field
          hideLabel
          code
          className="datalab-Export-name"
          label={`Name of stage ${index + 1}`}
          value={stage.name}
          wrong={state.wrong[field]}
          commit={say}
        />
        <MergeButtons {...props} stage={stage} />
      </div>
      <p className="datalab-Export-about">
        <span className="datalab-Export-title">{stage.title}</span>
        <span>{span(stage)}</span>
        {stage.compute && <span className="datalab-Export-tag">{preset?.label ?? stage.compute}</span>}
        {warnings.length > 0 && (
          <button
            type="button"
            className="datalab-Export-tag datalab-mod-warn"
            aria-expanded={props.open}
            aria-controls={props.open ? `${id}-body` : undefined}
            onClick={props.toggle}
          >
            {count(warnings.length, 'note')}
          </button>
        )}
      </p>
      {props.open && (
        <div id={`${id}-body`} className="datalab-Export-cardBody">
          {warnings.length > 0 && <WarningList warnings={warnings} />}
          <Cells state={state} stage={stage} />
          <Compute key={stage.compute} state={state} stage={stage} />
        </div>
      )}
    </article>
  );
}

function MergeButtons(props: IStageProps & { stage: IStage }): React.ReactElement {
  const { state, index, stage } = props;
  const { store } = useHost();
  const { plan } = state.preview!;
  const join = async (at: number) => {
    const [before, after] = [plan.stages[at - 1], plan.stages[at]];
    if (await store.edit(merge(state.edits, plan, at), `${before.name} and ${after.name} are one stage now.`)) {
      goTo(first(before));
    }
  };
  const { length } = plan.stages;
  return (
    <span className="datalab-Export-cardTools">
      {index > 0 && (
        <IconButton label={`Merge ${stage.name} with the previous stage`} icon={moveUpIcon} click={() => void join(index)} />
      )}
      {index + 1 < length && (
        <IconButton
          label={`Merge ${stage.name} with the next stage`}
          icon={moveDownIcon}
          click={() => void join(index + 1)}
        />
      )}
    </span>
  );
}

/** The code cells of a stage; between them it can be split. */
function Cells(props: { state: IState; stage: IStage }): React.ReactElement {
  const { state, stage } = props;
  const { store, jump } = useHost();
  const { plan } = state.preview!;
  const cut = async (cell: number) => {
    const done = await store.edit(split(state.edits, plan, cell), `Cell ${cell + 1} begins a stage now.`);
    const why = done && refusedSplit(store.state.preview!.plan, cell);
    if (why) {
      await store.undo();
      store.mark(`split.${cell}`, why);
    } else if (done) {
      goTo(cell);
    }
  };
  return (
    <ol className="datalab-Export-cells" aria-label={`Code cells of ${stage.name}`}>
      {stage.cells.map((cell, at) => (
        <li key={cell}>
          {at > 0 && (
            <button
              type="button"
              className="datalab-Export-cut"
              aria-label={`Split ${stage.name} at cell ${cell + 1}`}
              onClick={() => void cut(cell)}
            >
              <addIcon.react tag="span" /> Split here
            </button>
          )}
          {state.wrong[`split.${cell}`] && (
            <span className="datalab-Export-wrong" role="alert">
              {state.wrong[`split.${cell}`]}
            </span>
          )}
          <button type="button" className="datalab-Export-cell" onClick={() => jump(cell)}>
            <span>{cell + 1}</span>
            <code>{headline(plan.cells.find(one => one.index === cell)?.source ?? '')}</code>
          </button>
        </li>
      ))}
    </ol>
  );
}
