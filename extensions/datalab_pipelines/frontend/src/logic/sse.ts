/** A message of an event stream (WHATWG HTML, "server-sent events"). */
export interface IMessage {
  event: string;
  id: string;
  data: string;
}

/** Cuts an event stream, as it comes, into messages. */
export class Cutter {
  /** Take what has come, and return the messages that it completes; comments are none. */
  push(text: string): IMessage[] {
    this._rest += text;
    const blocks = this._rest.split(/\r?\n\r?\n/);
    this._rest = blocks.pop() ?? '';
    return blocks.map(message).filter(one => one.data !== '');
  }

  private _rest = '';
}

function message(block: string): IMessage {
  const found: IMessage = { event: 'message', id: '', data: '' };
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line)!;
    if (field === 'data') {
      data.push(value);
    } else if (field === 'event' || field === 'id') {
      found[field] = value;
    }
  }
  return { ...found, data: data.join('\n') };
}
