import * as React from 'react';

import { wrongFolder, wrongPipeline } from '../logic/edits';
import type { IGit, IGitState } from '../logic/model';
import type { IState } from '../logic/state';
import { Field, Switch } from './Field';
import { useHost } from './host';

/** How the project is called, where it goes, and what git does with it. */
export function Project(props: { state: IState }): React.ReactElement {
  const { state } = props;
  const { form, preview, wrong } = state;
  const { store } = useHost();
  const { git } = preview!;
  const name = (value: string) => {
    const text = value && wrongPipeline(value);
    store.mark('name', text);
    if (!text) {
      void store.edit({ ...state.edits, name: value }, `The pipeline is called ${value} now.`);
    }
  };
  const folder = (value: string) => {
    store.fill({ folder: value });
    store.mark('folder', wrongFolder(value));
    void store.refill();
  };
  return (
    <section aria-labelledby="datalab-Export-project">
      <h2 id="datalab-Export-project">Project</h2>
      <Field code label="Pipeline" value={preview!.plan.name} wrong={wrong.name} commit={name} />
      <Field
        code
        label="Folder"
        value={form.folder}
        wrong={wrong.folder}
        hint={git.exists ? 'Holds an earlier export: this one is merged with it.' : undefined}
        commit={folder}
      />
      <Git state={state} git={git} />
    </section>
  );
}

function Git(props: { state: IState; git: IGitState }): React.ReactElement {
  const { git } = props;
  const { form } = props.state;
  const { store } = useHost();
  const fill = (change: Partial<IGit>) => store.fill({ git: { ...form.git, ...change } });
  const where = git.repository
    ? `In the repository ${git.repository.split('/').pop()}${git.current ? `, on ${git.current}` : ''}.`
    : 'The folder becomes a repository of its own.';
  return (
    <>
      <Switch
        label="Commit to git"
        hint={git.problem || where}
        checked={form.commit && !git.problem}
        disabled={Boolean(git.problem)}
        change={commit => store.fill({ commit })}
      />
      {form.commit && !git.problem && (
        <div className="datalab-Export-git">
          <Field
            code
            label="Branch"
            value={form.git.branch || git.branch}
            wrong={props.state.wrong.branch}
            commit={branch => fill({ branch })}
          />
          <Field
            label="Message"
            value={form.git.message}
            placeholder={`Export the notebook as the pipeline ${props.state.preview!.plan.name}`}
            commit={message => fill({ message })}
          />
          {git.repository && (
            <Switch
              label="Check the branch out afterwards"
              hint={form.git.switch ? undefined : 'The project is then on the branch only; your files stay as they are.'}
              checked={form.git.switch}
              change={value => fill({ switch: value })}
            />
          )}
          {git.repository && (
            <Switch
              label="Push and open a pull request"
              hint={git.no_pull_request || git.web}
              checked={form.git.pull_request && !git.no_pull_request}
              disabled={Boolean(git.no_pull_request)}
              change={value => fill({ pull_request: value })}
            />
          )}
        </div>
      )}
    </>
  );
}
