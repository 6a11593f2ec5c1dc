import { copyIcon, fileIcon, launchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IExported } from '../logic/model';
import type { IState } from '../logic/state';
import { count } from '../logic/text';
import { IconButton } from './Field';
import { useHost } from './host';
import { Problem, Warnings } from './Notes';
import { Proof } from './Proof';

/** What was written, where it is, what was proved, and how to take it back. */
export function Result(props: { state: IState }): React.ReactElement {
  const { exported, plan, verification } = props.state.result!;
  const { store, open } = useHost();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  const readme = exported.files.includes('README.md');
  return (
    <div className="datalab-Export-result">
      <h2 tabIndex={-1} ref={heading}>
        {exported.updated ? 'Exported again' : 'Exported'}
      </h2>
      <p>
        {count(plan.stages.length, 'stage')}, {count(exported.files.length, 'file')} in <code>{exported.folder}</code>
        {exported.in_folder ? '' : ` on the branch ${exported.branch}`}.
      </p>
      <p className="datalab-Export-choices">
        {exported.in_folder && readme && (
          <button
            type="button"
            className="jp-mod-styled jp-mod-accept"
            onClick={() => open(`${exported.folder}/README.md`)}
          >
            Open the README
          </button>
        )}
        <button type="button" className="jp-mod-styled" onClick={() => void store.plan()}>
          Back to the plan
        </button>
      </p>
      <Proof found={verification} />
      {exported.problem && <Problem problem={exported.problem} />}
      <Commit exported={exported} />
      {exported.notes.length > 0 && (
        <ul>
          {exported.notes.map(note => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <Files exported={exported} />
      <Warnings plan={plan} />
    </div>
  );
}

function Commit(props: { exported: IExported }): React.ReactElement {
  const { exported } = props;
  return (
    <section aria-label="Git">
      <dl className="datalab-Export-facts">
        {exported.commit && (
          <>
            <dt>Commit</dt>
            <dd>
              <code title={exported.commit}>{exported.commit.slice(0, 10)}</code> on <code>{exported.branch}</code>
              {exported.pushed && ` and on ${exported.pushed}`}
            </dd>
          </>
        )}
        {exported.pull_request && (
          <>
            <dt>Pull request</dt>
            <dd>
              <a href={exported.pull_request} target="_blank" rel="noopener noreferrer">
                {exported.pull_request.replace(/^https:\/\//, '')} <launchIcon.react tag="span" />
              </a>
            </dd>
          </>
        )}
        {exported.next && <Command title="To see it" text={exported.next} />}
        {exported.undo && <Command title="To undo it" text={exported.undo} />}
      </dl>
    </section>
  );
}

function Command(props: { title: string; text: string }): React.ReactElement {
  const { copy } = useHost();
  return (
    <>
      <dt>{props.title}</dt>
      <dd className="datalab-Export-command">
        <pre tabIndex={0}>{props.text}</pre>
        <IconButton label={`Copy: ${props.title.toLowerCase()}`} icon={copyIcon} click={() => copy(props.text)} />
      </dd>
    </>
  );
}

function Files(props: { exported: IExported }): React.ReactElement {
  const { exported } = props;
  const { open } = useHost();
  return (
    <section aria-labelledby="datalab-Export-files">
      <h2 id="datalab-Export-files">Files</h2>
      {!exported.in_folder && (
        <p className="datalab-Export-hint">They are on the branch {exported.branch}; check it out to open them.</p>
      )}
      <ul className="datalab-Export-files">
        {[...exported.files].sort(byFolder).map(file => {
          const cut = file.lastIndexOf('/') + 1;
          const text = (
            <>
              <fileIcon.react tag="span" />
              <span>
                <i>{file.slice(0, cut)}</i>
                {file.slice(cut)}
              </span>
            </>
          );
          return (
            <li key={file}>
              {exported.in_folder && !hidden(file) ? (
                <button type="button" className="datalab-Export-file" onClick={() => open(`${exported.folder}/${file}`)}>
                  {text}
                </button>
              ) : (
                <span className="datalab-Export-file">{text}</span>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Jupyter does not open files whose names begin with a dot, nor what lies in such folders. */
function hidden(file: string): boolean {
  return file.split('/').some(part => part.startsWith('.') && part !== '..');
}

/** What lies at the top first, then folder by folder. */
function byFolder(a: string, b: string): number {
  const folder = (file: string) => file.slice(0, file.lastIndexOf('/') + 1);
  return folder(a).localeCompare(folder(b)) || a.localeCompare(b);
}
