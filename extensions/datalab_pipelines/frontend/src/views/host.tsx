import * as React from 'react';

import type { Store } from '../store';

/** What the views reach of the application. */
export interface IHost {
  store: Store;
  /** Show a cell of the notebook and highlight it. */
  jump(cell: number, line?: number | null): void;
  /** Open a file that the export has written; Markdown as it reads. */
  open(path: string): void;
  copy(text: string): void;
}

export const Host = React.createContext<IHost | null>(null);

export function useHost(): IHost {
  return React.useContext(Host)!;
}
