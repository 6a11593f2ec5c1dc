import * as React from 'react';

import type { ISegment } from '../logic/rail';

const LANE = 12; // pixels between lanes
const NODE = 13; // pixels from the right end of the gutter to the middle of a node

interface IGutterProps {
  lanes: number;
  segments: ISegment[];
  /** A line from the stage before; one to the stage after. */
  up: boolean;
  down: boolean;
  /** The number of the stage; without it, what is between two stages. */
  number?: number;
}

/** The lines beside a stage, or beside what flows into it. Only seen: the list says it in words. */
export function Gutter(props: IGutterProps): React.ReactElement {
  const { number } = props;
  const at = (lane: number) => ({ right: NODE + lane * LANE - 1 });
  return (
    <div
      className="datalab-Export-gutter"
      style={{ width: 2 * NODE + props.lanes * LANE }}
      aria-hidden="true"
    >
      {props.up && <i className="datalab-Export-line datalab-mod-up" style={at(0)} />}
      {props.down && <i className="datalab-Export-line datalab-mod-down" style={at(0)} />}
      {props.segments.map(({ lane, part }) =>
        number === undefined || part === 'through' ? (
          <i key={`${lane}-${part}`} className="datalab-Export-line datalab-mod-past" style={at(lane)} />
        ) : (
          <i
            key={`${lane}-${part}`}
            className={`datalab-Export-bend datalab-mod-${part}`}
            style={{ right: NODE, width: lane * LANE + 1 }}
          />
        )
      )}
      {number !== undefined && <span className="datalab-Export-node">{number}</span>}
    </div>
  );
}
