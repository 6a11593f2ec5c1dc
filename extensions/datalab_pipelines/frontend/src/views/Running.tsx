import { checkIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { announcement, progress, type IPhase } from '../logic/progress';
import type { IState } from '../logic/state';
import { duration } from '../logic/text';
import { useHost } from './host';

/** An export under way: its phases, what each says, and a way to end it. */
export function Running(props: { state: IState }): React.ReactElement {
  const { state } = props;
  const job = state.job!;
  const { store } = useHost();
  const [now, setNow] = React.useState(Date.now() / 1000);
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => {
    heading.current?.focus();
    const timer = setInterval(() => setNow(Date.now() / 1000), 500);
    return () => clearInterval(timer);
  }, []);
  const stages = state.preview?.plan.stages.map(stage => stage.name);
  const phases = progress(job, stages);
  const elapsed = now - job.began;
  const ending = job.state === 'cancelling';
  return (
    <section className="datalab-Export-running" aria-labelledby="datalab-Export-running">
      <div className="datalab-Export-runningHead">
        <h2 id="datalab-Export-running" tabIndex={-1} ref={heading}>
          {ending ? 'Cancelling…' : `Exporting to ${job.order.folder}`}
        </h2>
        <span className="datalab-Export-clock" role="timer" aria-label="Elapsed">
          {duration(elapsed)}
        </span>
      </div>
      <p className="datalab-Export-unseen" role="status">
        {announcement(phases)}
      </p>
      {state.offline && (
        <p className="datalab-Export-problem" role="alert">
          The server does not answer. The export goes on if the workspace still runs; asking again…
        </p>
      )}
      <ol className="datalab-Export-phases">
        {phases.map(phase => (
          <Phase key={phase.phase} phase={phase} elapsed={elapsed} />
        ))}
      </ol>
      <button type="button" className="jp-mod-styled jp-mod-warn" disabled={ending} onClick={() => void store.cancel()}>
        Cancel
      </button>
      <p className="datalab-Export-hint">
        It goes on when this panel is closed; opening it again for this notebook shows how far it is.
      </p>
    </section>
  );
}

function Phase(props: { phase: IPhase; elapsed: number }): React.ReactElement {
  const { phase, elapsed } = props;
  const took = phase.from === null ? '' : duration((phase.to ?? elapsed) - phase.from);
  return (
    <li className={`datalab-Export-phase datalab-mod-${phase.state}`} aria-current={phase.state === 'active' ? 'step' : undefined}>
      <Mark state={phase.state} />
      <div>
        <p>
          <strong>{phase.label}</strong> <span className="datalab-Export-unseen">{phase.state}</span>
        </p>
        {phase.message && <p className="datalab-Export-hint">{phase.message}</p>}
        {phase.stages.length > 0 && phase.state !== 'waiting' && (
          <ul className="datalab-Export-phaseStages">
            {phase.stages.map(one => (
              <li key={one.name} className={`datalab-mod-${one.state}`}>
                <code>{one.name}</code>
                <span className="datalab-Export-unseen"> {one.state}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
      <span className="datalab-Export-clock">{took}</span>
    </li>
  );
}

export function Mark(props: { state: string }): React.ReactElement {
  return (
    <span className={`datalab-Export-mark datalab-mod-${props.state}`} aria-hidden="true">
      {props.state === 'done' && <checkIcon.react tag="span" />}
      {props.state === 'failed' && <closeIcon.react tag="span" />}
    </span>
  );
}
