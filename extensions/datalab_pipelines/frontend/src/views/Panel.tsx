import { refreshIcon, undoIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { pipelineIcon } from '../icon';
import type { IState } from '../logic/state';
import { summary } from '../logic/text';
import { IconButton, Switch } from './Field';
import { Host, type IHost, useHost } from './host';
import { Parameters, Problem, Warnings } from './Notes';
import { Project } from './Project';
import { Result } from './Result';
import { Running } from './Running';
import { Stages } from './Stages';

/** The whole panel, in whatever state the export is. */
export function Panel(props: { host: IHost; path: string }): React.ReactElement {
  const { store } = props.host;
  const state = React.useSyncExternalStore(
    listener => store.subscribe(listener),
    () => store.state
  );
  return (
    <Host.Provider value={props.host}>
      <div className="datalab-Export-body" aria-busy={state.busy || state.view === 'loading'}>
        <Header state={state} path={props.path} />
        <View state={state} />
      </div>
      {state.view === 'plan' && <Footer state={state} />}
    </Host.Provider>
  );
}

function View(props: { state: IState }): React.ReactElement {
  const { state } = props;
  switch (state.view) {
    case 'loading':
      return (
        <div className="datalab-Export-loading" role="status">
          <span className="datalab-Export-mark datalab-mod-active" aria-hidden="true" />
          Reading the notebook…
        </div>
      );
    case 'refused':
      return (
        <>
          <Refusal state={state} />
          <Notices state={state} />
        </>
      );
    case 'running':
      return <Running key={state.job!.id} state={state} />;
    case 'result':
      return <Result state={state} />;
    case 'plan':
      return (
        <>
          {state.problem && <Refusal state={state} />}
          <Notices state={state} />
          <div className="datalab-Export-columns">
            <Stages state={state} />
            <div className="datalab-Export-more">
              <Project state={state} />
              <Parameters state={state} />
              <Warnings plan={state.preview!.plan} />
            </div>
          </div>
        </>
      );
  }
}

function Header(props: { state: IState; path: string }): React.ReactElement {
  const { state } = props;
  const { store } = useHost();
  const shows = state.view === 'plan';
  return (
    <div className="datalab-Export-header">
      <pipelineIcon.react tag="span" className="datalab-Export-logo" />
      <div>
        <h1>Export to pipeline</h1>
        <p className="datalab-Export-hint" title={props.path}>
          {props.path}
          {shows && ` · ${summary(state.preview!.plan, state.preview!.parameters)}`}
        </p>
      </div>
      {shows && (
        <span className="datalab-Export-tools">
          <IconButton label="Undo the last change" icon={undoIcon} disabled={!store.canUndo} click={() => void store.undo()} />
          <IconButton label="Save and read the notebook again" icon={refreshIcon} click={() => void store.plan()} />
        </span>
      )}
      <p className="datalab-Export-unseen" role="status">
        {state.said}
      </p>
      {state.busy && <span className="datalab-Export-bar" aria-hidden="true" />}
    </div>
  );
}

/** What is to be said of the plan as such. */
function Notices(props: { state: IState }): React.ReactElement | null {
  const { state } = props;
  const { store } = useHost();
  if (state.stale) {
    return (
      <p className="datalab-Export-notice" role="status">
        <span>The notebook has changed since this plan was made.</span>
        <button type="button" className="jp-mod-styled" onClick={() => void store.plan()}>
          Save and plan again
        </button>
      </p>
    );
  }
  if (state.last) {
    const { last } = state;
    return (
      <p className="datalab-Export-notice">
        <span>Exported to {last.order.folder} at {new Date(last.began * 1000).toLocaleTimeString()}.</span>
        <button type="button" className="jp-mod-styled" onClick={() => void store.show(last)}>
          Show that export
        </button>
      </p>
    );
  }
  return state.saved ? (
    <p className="datalab-Export-notice" role="status">
      Your unsaved changes were saved first: the plan is of the notebook as you see it.
    </p>
  ) : null;
}

/** A refusal with the ways out of it. */
function Refusal(props: { state: IState }): React.ReactElement {
  const { problem, preview } = props.state;
  const { store } = useHost();
  const button = (text: string, click: () => Promise<unknown>) => (
    <button type="button" className="jp-mod-styled" onClick={() => void click()}>
      {text}
    </button>
  );
  return (
    <Problem problem={problem ?? { message: 'Something went wrong.' }}>
      {problem?.conflicts && button('Keep my lines', () => store.export('mine'))}
      {problem?.conflicts && button('Take the new lines', () => store.export('generated'))}
      {(!preview || props.state.offline) && !props.state.stale && button('Try again', () => store.plan())}
    </Problem>
  );
}

function Footer(props: { state: IState }): React.ReactElement {
  const { form } = props.state;
  const { store } = useHost();
  const run = async (button: HTMLElement) => {
    await store.export();
    // Nothing has begun because of what is marked: lead there.
    const panel = button.closest('.datalab-Export');
    panel?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  };
  return (
    <div className="datalab-Export-footer">
      <Switch
        label="Verify"
        hint="Runs notebook and pipeline, and compares what they give."
        checked={form.verify}
        change={verify => store.fill({ verify })}
      />
      <button
        type="button"
        className="jp-mod-styled jp-mod-accept"
        onClick={event => void run(event.currentTarget)}
      >
        Export
      </button>
    </div>
  );
}
