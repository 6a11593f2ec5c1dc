/**
 * What is saved when the workspace is being stopped, and what the person reads about it.
 *
 * Nothing here touches JupyterLab or the page, so that a plain Node can test it.
 */

/** A document that is open in a tab of Lab. */
export interface IDocument {
  path: string;
  dirty: boolean;
  save(): Promise<void>;
}

export interface IOutcome {
  saved: string[];
  failed: string[];
}

/** Save whatever has changed, all at the same time; one that fails does not keep the others. */
export async function saveAll(documents: IDocument[]): Promise<IOutcome> {
  const changed = new Map<string, IDocument>();
  for (const document of documents) {
    if (document.dirty) {
      changed.set(document.path, document); // two views of one file are one document
    }
  }
  const outcome: IOutcome = { saved: [], failed: [] };
  await Promise.all(
    [...changed.values()].map(async document => {
      try {
        await document.save();
        outcome.saved.push(document.path);
      } catch (error) {
        console.error(`${document.path} could not be saved.`, error);
        outcome.failed.push(document.path);
      }
    })
  );
  return outcome;
}

/** Tell the person what became of their work; Lab cuts a notification after 140 characters. */
export function words(outcome: IOutcome): string {
  const { saved, failed } = outcome;
  if (failed.length > 0) {
    return `${names(failed)} could not be saved; this workspace stops now. Copy what you need.`;
  }
  const work =
    saved.length > 0
      ? `${names(saved)} ${saved.length === 1 ? 'has' : 'have'} been saved`
      : 'everything that was open had been saved';
  return `This workspace is being stopped; ${work}. You can start it again.`;
}

function names(paths: string[]): string {
  const short = paths.map(path => path.slice(path.lastIndexOf('/') + 1)).sort();
  return short.length > 3
    ? `${short.slice(0, 2).join(', ')} and ${short.length - 2} more`
    : short.join(' and ');
}
