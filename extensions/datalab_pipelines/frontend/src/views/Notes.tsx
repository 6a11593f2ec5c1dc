import * as React from 'react';

import { toggleParameter } from '../logic/edits';
import type { IPlan, IProblem, IWarn } from '../logic/model';
import type { IState } from '../logic/state';
import { place, python, sentence, shorten } from '../logic/text';
import { Switch } from './Field';
import { useHost } from './host';

/** The settings of the notebook; those that are on can be given to every run. */
export function Parameters(props: { state: IState }): React.ReactElement | null {
  const { state } = props;
  const { store } = useHost();
  const { plan, parameters } = state.preview!;
  if (!parameters.length) {
    return null;
  }
  const on = new Set(plan.parameters.map(one => one.name));
  return (
    <section aria-labelledby="datalab-Export-parameters">
      <h2 id="datalab-Export-parameters">Parameters</h2>
      <p className="datalab-Export-hint">What every run can be given. The others stay constants of the code.</p>
      <ul className="datalab-Export-parameters">
        {parameters.map(one => (
          <li key={one.name}>
            <Switch
              label={one.name}
              checked={on.has(one.name)}
              change={() => void store.edit(toggleParameter(state.edits, plan, one.name))}
            />
            <code title={`${one.type}, in cell ${one.cell + 1}`}>
              {one.type} = {python(one.default)}
            </code>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What a person should know, each with a way to its cell. */
export function Warnings(props: { plan: IPlan }): React.ReactElement | null {
  const { warnings } = props.plan;
  if (!warnings.length) {
    return null;
  }
  return (
    <section aria-labelledby="datalab-Export-warnings">
      <h2 id="datalab-Export-warnings">
        Worth knowing <span className="datalab-Export-tag">{warnings.length}</span>
      </h2>
      <WarningList warnings={warnings} />
    </section>
  );
}

export function WarningList(props: { warnings: IWarn[] }): React.ReactElement {
  const sorted = [...props.warnings].sort((a, b) => (a.cell ?? -1) - (b.cell ?? -1));
  return (
    <ul className="datalab-Export-warnings">
      {sorted.map((one, index) => (
        <li key={index}>
          <Place of={one} />
          <Code text={one.message} />
        </li>
      ))}
    </ul>
  );
}

/** A button that leads to a cell; nothing for what concerns the whole notebook. */
export function Place(props: { of: { cell?: number | null; line?: number | null } }): React.ReactElement | null {
  const { jump } = useHost();
  const { cell, line } = props.of;
  return place(props.of) ? (
    <button type="button" className="datalab-Export-place" onClick={() => jump(cell!, line)}>
      {place(props.of)}
    </button>
  ) : null;
}

/** Text in which what stands between backquotes is code. */
export function Code(props: { text: string }): React.ReactElement {
  const parts = props.text.split('`');
  return (
    <span>{parts.map((part, at) => (at % 2 && at + 1 < parts.length ? <code key={at}>{part}</code> : part))}</span>
  );
}

const SETTLE =
  'Nothing was written. Where you and the new export changed the same lines, one has to give way; ' +
  'everything else is merged either way.';

/** Why something was refused, with a way to its cell and what to do next. */
export function Problem(props: { problem: IProblem; children?: React.ReactNode }): React.ReactElement {
  const { problem } = props;
  const { said, trace } = problem.conflicts
    ? { said: problem.message.split('\n')[0], trace: '' } // listed below
    : shorten(problem.message);
  return (
    <div className="datalab-Export-problem" role="alert">
      <p>
        <Place of={problem} />
        <Code text={place(problem) ? said : sentence(said)} />
      </p>
      {(problem.conflicts || problem.hint) && (
        <p className="datalab-Export-hint">{problem.conflicts ? SETTLE : problem.hint}</p>
      )}
      {trace && (
        <details className="datalab-Export-trace">
          <summary>Where it happened</summary>
          <pre tabIndex={0}>{trace}</pre>
        </details>
      )}
      {problem.conflicts && (
        <ul>
          {problem.conflicts.map(one => (
            <li key={one.path}>
              <code>{one.path}</code> {one.lines.map(([a, b]) => (a === b ? `line ${a}` : `lines ${a}–${b}`)).join(', ')}{' '}
              {one.reason}
            </li>
          ))}
        </ul>
      )}
      {React.Children.toArray(props.children).length > 0 && (
        <p className="datalab-Export-choices">{props.children}</p>
      )}
    </div>
  );
}
