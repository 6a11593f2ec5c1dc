import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { computeFor, first } from '../logic/edits';
import type { IStage } from '../logic/model';
import type { IState } from '../logic/state';
import { Field } from './Field';
import { useHost } from './host';

/** Where a stage runs: one of the presets, or any other written as in Python. */
export function Compute(props: { state: IState; stage: IStage }): React.ReactElement {
  const { state, stage } = props;
  const { store } = useHost();
  const id = React.useId();
  const presets = state.preview!.presets;
  const known = presets.some(one => one.value === stage.compute);
  const [other, setOther] = React.useState(!known);
  const field = `stages.${first(stage)}.compute`;
  const choose = (value: string) => {
    setOther(value === 'other');
    if (value !== 'other') {
      store.mark(field, '');
      if (value !== stage.compute) {
        void store.edit(computeFor(state.edits, stage, value), `Compute of ${stage.name} is changed.`);
      }
    }
  };
  const detail = presets.find(one => one.value === stage.compute)?.detail;
  return (
    <div className="datalab-Export-compute">
      <div className="datalab-Export-field">
        <label htmlFor={id}>
          Compute <span className="datalab-Export-unseen">of {stage.name}</span>
        </label>
        <HTMLSelect id={id} value={other ? 'other' : stage.compute} onChange={event => choose(event.target.value)}>
          {presets.map(one => (
            <option key={one.value} value={one.value}>
              {one.label}
            </option>
          ))}
          <option value="other">Other…</option>
        </HTMLSelect>
        {!other && detail && <span className="datalab-Export-hint">{detail}</span>}
      </div>
      {other && (
        <Field
          code
          label={`Compute of ${stage.name}, as in Python`}
          value={stage.compute}
          placeholder='SageMakerProcessing(instance="ml.m5.2xlarge")'
          wrong={state.wrong[field]}
          commit={value => void store.edit(computeFor(state.edits, stage, value))}
        />
      )}
    </div>
  );
}
