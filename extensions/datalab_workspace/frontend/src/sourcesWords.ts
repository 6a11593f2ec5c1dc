/**
 * What the side panel says of a data source, and where its code goes in a cell.
 *
 * Nothing here touches JupyterLab or the page, so that a plain Node can test it.
 */

export interface ISnippet {
  label: string;
  code: string;
}

/** A source as `GET datalab/api/sources` answers. */
export interface ISource {
  name: string;
  title: string;
  kind: string;
  access: string;
  description: string;
  facts: Record<string, string>;
  /** The broker's sentence; empty when all is well. */
  problem: string;
  /** Whether the person may use it at all. */
  offered: boolean;
  /** When the held credential ends; null while none is held. */
  expires: string | null;
  /** Whether AWS programs get this one without asking. */
  default: boolean;
  snippets: ISnippet[];
}

/** How a source is, in one word for colours and one sentence for people. */
export interface IStatus {
  tone: 'ready' | 'held' | 'failed' | 'locked';
  word: string;
  sentence: string;
}

const KINDS: Record<string, string> = {
  s3: 'S3',
  postgres: 'PostgreSQL',
  redshift: 'Redshift',
  databricks: 'Databricks',
  bigquery: 'BigQuery',
  http: 'Web service',
  static: 'Secret value'
};

/** Name a kind as its users do. */
export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

/** Say what the person may do. */
export function accessWords(source: ISource): string {
  if (!source.offered) {
    return 'no access';
  }
  return source.access === 'write' ? 'read and write' : 'read only';
}

/**
 * Say how a source is.
 *
 * @param clock - writes a moment, given in milliseconds since 1970.
 */
export function statusOf(source: ISource, clock: (moment: number) => string): IStatus {
  if (!source.offered) {
    return { tone: 'locked', word: 'Not for you', sentence: source.problem };
  }
  if (source.problem) {
    return { tone: 'failed', word: 'Refused', sentence: source.problem };
  }
  if (source.expires !== null) {
    const at = clock(Date.parse(source.expires));
    return {
      tone: 'held',
      word: 'In use',
      sentence: `A credential is held until ${at}; it renews by itself while you need it.`
    };
  }
  return {
    tone: 'ready',
    word: 'Ready',
    sentence: 'A credential is fetched when your code first asks for one.'
  };
}

/** Whether a source is meant by what somebody typed. */
export function matches(source: ISource, typed: string): boolean {
  const text = [source.name, source.title, source.description, kindName(source.kind)]
    .join(' ')
    .toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}

/**
 * Return where code goes in a cell, and with which line breaks: behind the line of the cursor,
 * so that no line is torn apart, or in that line if it is empty.
 */
export function place(source: string, cursor: number, code: string): { at: number; text: string } {
  const begin = source.lastIndexOf('\n', cursor - 1) + 1;
  const found = source.indexOf('\n', cursor);
  const end = found < 0 ? source.length : found;
  const blank = source.slice(begin, end).trim() === '';
  return { at: end, text: blank ? code : `\n${code}` };
}
