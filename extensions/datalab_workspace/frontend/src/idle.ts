/**
 * When to warn a person that their workspace will be stopped, and in which words.
 *
 * Nothing here touches JupyterLab or the page, so that a plain Node can test it.
 */

/** What `GET datalab/api/idle` answers: times as ISO 8601, spans in seconds. */
export interface IIdleStatus {
  idle_timeout: number | null;
  max_runtime: number | null;
  now: string;
  stops_at: string | null;
  reason: 'idle' | 'max_runtime' | null;
  warn_before: number;
}

/** What to tell the person now, if anything, and when to ask the server again. */
export interface IAdvice {
  /** Empty while there is nothing to say. */
  message: string;
  /** Whether saying "I am here" changes anything. */
  extendable: boolean;
  /** Seconds until the server should be asked again. */
  checkIn: number;
}

const SLOWEST = 60;
const FASTEST = 1;
/** Times that a warning is looked at again before the stop, so that it goes away soon. */
const LOOKS = 10;

/**
 * Decide what to tell the person.
 *
 * @param status - what the server answered just now.
 * @param clock - writes a moment, given in milliseconds since 1970 by this computer's clock.
 * @param now - this computer's time; the server's may differ, only spans are taken from it.
 */
export function advise(
  status: IIdleStatus,
  clock: (moment: number) => string,
  now: number = Date.now()
): IAdvice {
  if (status.stops_at === null) {
    // The operator may set a limit for the next workspace only, never for this one.
    return { message: '', extendable: false, checkIn: SLOWEST };
  }
  const left = (Date.parse(status.stops_at) - Date.parse(status.now)) / 1000;
  const extendable = status.reason === 'idle';
  if (left > status.warn_before) {
    const checkIn = within(left - status.warn_before);
    return { message: '', extendable, checkIn };
  }
  return {
    message: words(status, left, clock(now + left * 1000)),
    extendable,
    checkIn: within(status.warn_before / LOOKS)
  };
}

function words(status: IIdleStatus, left: number, at: string): string {
  const when = left > 0 ? `in ${span(left)}, at ${at}` : 'any moment now';
  if (status.reason === 'max_runtime') {
    return (
      `This workspace reaches its limit of ${span(status.max_runtime ?? 0)} and stops ${when}. ` +
      'Files are saved; what is only in memory is lost.'
    );
  }
  return (
    `Nothing has run here for a while: this workspace stops ${when}. ` +
    'Your files stay; what is only in memory is lost.'
  );
}

/** Write a span of seconds as a person says it. */
export function span(seconds: number): string {
  const rounded = Math.max(1, Math.round(seconds));
  if (rounded < 90) {
    return count(rounded, 'second');
  }
  if (rounded < 90 * 60) {
    return count(Math.round(rounded / 60), 'minute');
  }
  return count(Math.round(rounded / 360) / 10, 'hour');
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

function within(seconds: number): number {
  return Math.min(SLOWEST, Math.max(FASTEST, seconds));
}
