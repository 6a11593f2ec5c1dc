import * as React from 'react';

import { first } from '../logic/edits';
import { edges, segments, type IEdge, type IVariable } from '../logic/rail';
import type { IState } from '../logic/state';
import { origin } from '../logic/text';
import { Gutter } from './Gutter';
import { Stage } from './Stage';

/** The pipeline as a graph from top to bottom. It is a list, and reads as one. */
export function Stages(props: { state: IState }): React.ReactElement {
  const { plan } = props.state.preview!;
  const all = React.useMemo(() => edges(plan), [plan]);
  const lanes = Math.max(0, ...all.map(edge => edge.lane));
  const [open, setOpen] = React.useState<number | null>(null);
  const last = plan.stages.length - 1;
  const straight = (from: number) => all.some(edge => edge.lane === 0 && edge.from === from);
  return (
    <section className="datalab-Export-pipeline" aria-labelledby="datalab-Export-stages">
      <h2 id="datalab-Export-stages">Stages</h2>
      <p className="datalab-Export-hint">{origin(plan)}</p>
      <ol className="datalab-Export-stages">
        {plan.stages.map((stage, index) => (
          <li key={first(stage)}>
            {index > 0 && (
              <div className="datalab-Export-row">
                <Gutter
                  lanes={lanes}
                  segments={segments(all, index).filter(one => one.part !== 'starts')}
                  up={straight(index - 1)}
                  down={straight(index - 1)}
                />
                <div className="datalab-Export-flows">
                  <Flows plan={plan} into={index} all={all} />
                </div>
              </div>
            )}
            <div className="datalab-Export-row">
              <Gutter
                number={index + 1}
                lanes={lanes}
                segments={segments(all, index)}
                up={index > 0 && straight(index - 1)}
                down={index < last && straight(index)}
              />
              <Stage
                state={props.state}
                index={index}
                edges={all}
                open={open === first(stage)}
                toggle={() => setOpen(open === first(stage) ? null : first(stage))}
              />
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

const SHOWN = 6; // variables that stand there before "more" is pressed

/** What comes into a stage, by the stages that give it. */
function Flows(props: { plan: { stages: { name: string }[] }; into: number; all: IEdge[] }): React.ReactElement {
  const incoming = props.all
    .filter(edge => edge.to === props.into)
    .sort((a, b) => a.lane - b.lane || b.from - a.from);
  const name = props.plan.stages[props.into].name;
  if (!incoming.length) {
    return (
      <p className="datalab-Export-flow">
        <span className="datalab-Export-unseen">{name} </span>takes nothing from other stages
      </p>
    );
  }
  return (
    <>
      {incoming.map(edge => (
        <Flow key={edge.from} edge={edge} into={name} from={props.plan.stages[edge.from].name} />
      ))}
    </>
  );
}

function Flow(props: { edge: IEdge; into: string; from: string }): React.ReactElement {
  const { variables, lane } = props.edge;
  const [all, setAll] = React.useState(false);
  const shown = all ? variables : variables.slice(0, variables.length > SHOWN + 1 ? SHOWN : variables.length);
  const hidden = variables.length - shown.length;
  return (
    <div className="datalab-Export-flow">
      <span className={lane ? undefined : 'datalab-Export-unseen'}>
        <span className="datalab-Export-unseen">{props.into} takes </span>
        {variables.length ? '' : 'nothing, but comes after '}from {props.from}
      </span>
      {!variables.length && !lane && <span aria-hidden="true">only comes after it</span>}
      <ul aria-label={`From ${props.from} to ${props.into}`}>
        {shown.map(one => (
          <Variable key={one.name} of={one} />
        ))}
      </ul>
      {(hidden > 0 || all) && (
        <button type="button" className="datalab-Export-link" onClick={() => setAll(!all)}>
          {all ? 'fewer' : `${hidden} more`}
          <span className="datalab-Export-unseen"> variables from {props.from}</span>
        </button>
      )}
    </div>
  );
}

/** A name and what is known of its type; hidden state, such as a generator's, is no name. */
function Variable(props: { of: IVariable }): React.ReactElement {
  const { name, type, optional } = props.of;
  const short = type.replace(/[A-Za-z_][A-Za-z0-9_.]*\.(?=[A-Za-z_])/g, '');
  const isName = /^\w+$/.test(name);
  return (
    <li className={`datalab-Export-variable ${isName ? '' : 'datalab-mod-hidden'}`} title={type || undefined}>
      {isName ? <code>{name}</code> : name}
      {short && <span>{short}</span>}
      {optional && <span>may be missing</span>}
    </li>
  );
}
