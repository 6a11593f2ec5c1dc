import * as React from 'react';

import type { ISegment } from '../logic/rail';

const LANE = 12; // pixels between lanes
const NODE = 13; // pixels from the right end of the gutter to the middle of a node
const ROOM = 9; // pixels between a node's lane and the next, more than others have

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
  const beside = (lane: number) => (lane ? ROOM + lane * LANE : 0);
  const at = (lane: number) => ({ right: NODE + beside(lane) - 1 });
  return (
    <div
      className="datalab-Export-gutter"
      style={{ width: Math.max(2 * NODE, NODE + beside(props.lanes) + 1) }}
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
            style={{ right: NODE, width: beside(lane) + 1 }}
          />
        )
      )}
      {number !== undefined && <span className="datalab-Export-node">{number}</span>}
    </div>
  );
}
