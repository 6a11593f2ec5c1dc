import * as React from 'react';

import type { IVerification } from '../logic/model';
import { count } from '../logic/text';
import { Code } from './Notes';
import { Mark } from './Running';

/** What the comparison of notebook and pipeline found. */
export function Proof(props: { found: IVerification | null }): React.ReactElement {
  const { found } = props;
  if (!found) {
    return (
      <Box state="waiting" title="Not verified">
        <p>The pipeline was not compared with the notebook. Export with “Verify” to have it proved.</p>
      </Box>
    );
  }
  const different = Object.entries(found.different);
  const unknown = Object.entries(found.not_comparable);
  const shown = Object.entries(found.shown_differently ?? {});
  const outputs = Object.entries(found.outputs_not_comparable ?? {}).map(
    ([cell, why]): [string, string] => [`cell ${cell}`, why]
  );
  const good = found.status === 'equal' || found.status === 'not compared';
  const titles: Record<string, string> = {
    equal: 'The pipeline gives what the notebook gives',
    'not compared': 'The pipeline runs; its results could not be compared',
    different: 'The pipeline does not give what the notebook gives',
    failed: 'The pipeline does not run',
    unfinished: 'Not verified: it took longer than it may'
  };
  return (
    <Box state={good ? 'done' : 'failed'} title={titles[found.status] ?? found.status}>
      {found.error && <pre>{found.error}</pre>}
      {different.length > 0 && <Reasons title="Different" entries={different.map(([name, stage]) => [name, `after ${stage}`])} open />}
      {found.equal.length > 0 && (
        <details>
          <summary>{count(found.equal.length, 'variable')} equal at the end</summary>
          <p className="datalab-Export-names">
            {found.equal.map(name => (
              <code key={name}>{name}</code>
            ))}
          </p>
        </details>
      )}
      {found.outputs_equal ? <p>{count(found.outputs_equal, 'cell')} show what they show in the notebook.</p> : null}
      {shown.length > 0 && <Reasons title="Shown differently" entries={shown} open />}
      {unknown.length > 0 && <Reasons title="variable" more="cannot be compared" entries={unknown} />}
      {outputs.length > 0 && <Reasons title="output" more="cannot be compared" entries={outputs} />}
      {found.merged.length > 0 && (
        <details open>
          <summary>{count(found.merged.length, 'boundary').replace('boundarys', 'boundaries')} removed to keep it equal</summary>
          <ul>
            {found.merged.map(text => (
              <li key={text}>
                <Code text={text} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </Box>
  );
}

function Reasons(props: {
  title: string;
  more?: string;
  entries: [string, string][];
  open?: boolean;
}): React.ReactElement {
  const { entries } = props;
  const title = props.more ? `${count(entries.length, props.title)} ${props.more}` : props.title;
  return (
    <details open={props.open}>
      <summary>{title}</summary>
      <dl>
        {entries.map(([name, why]) => (
          <React.Fragment key={name}>
            <dt>
              <code>{name === '*' ? 'all' : name}</code>
            </dt>
            <dd>
              <Code text={why} />
            </dd>
          </React.Fragment>
        ))}
      </dl>
    </details>
  );
}

function Box(props: { state: string; title: string; children: React.ReactNode }): React.ReactElement {
  return (
    <div className={`datalab-Export-proof datalab-mod-${props.state}`}>
      <h3>
        <Mark state={props.state} />
        {props.title}
      </h3>
      {props.children}
    </div>
  );
}
