import type { IParameter, IPlan, IStage } from './model.ts';

/** A problem or warning with its place, as people count: cells and lines from 1. */
export function place(found: { cell?: number | null; line?: number | null }): string {
  if (found.cell === null || found.cell === undefined) {
    return '';
  }
  return `Cell ${found.cell + 1}${found.line ? `, line ${found.line}` : ''}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** "cells 3–8", "cell 3": the span of a stage in the notebook. */
export function span(stage: IStage): string {
  const from = Math.min(...stage.cells) + 1;
  const to = Math.max(...stage.cells) + 1;
  return from === to ? `cell ${from}` : `cells ${from}–${to}`;
}

/** The first line of a cell that says something. */
export function headline(source: string): string {
  const lines = source.split('\n').map(line => line.trim());
  return lines.find(line => line && !line.startsWith('#')) ?? lines.find(Boolean) ?? '';
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = String(whole % 60).padStart(2, '0');
  return `${Math.floor(whole / 60)}:${rest}`;
}

/** A value as Python writes it, cut where it gets long. */
export function python(value: unknown): string {
  const text =
    value === true ? 'True' : value === false ? 'False' : value === null ? 'None' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** What the plan is, in a line. */
export function summary(plan: IPlan, parameters: IParameter[]): string {
  const parts = [count(plan.stages.length, 'stage'), count(plan.cells.length, 'code cell')];
  if (parameters.length) {
    parts.push(count(plan.parameters.length, 'parameter'));
  }
  return parts.join(' · ');
}

/** Say what the stages follow. */
export function origin(plan: IPlan): string {
  const texts: Record<string, string> = {
    tags: 'The stages follow the tags of the cells.',
    headings: 'The stages follow the headings.',
    shape: 'The stages follow what the cells do.',
    choice: 'The stages are as you cut them.',
    one: 'The notebook is one stage.'
  };
  return plan.whole ? `One stage, run by IPython: ${plan.whole}.` : (texts[plan.level] ?? '');
}

/** A message of the exporter's, which begin small as they follow a place, as a sentence. */
export function sentence(message: string): string {
  const name = /^\S*[._/`]\S/.test(message); // of a file or in code: it is written as it is
  return name ? message : message.charAt(0).toUpperCase() + message.slice(1);
}

/** A message that ends in a traceback: what a person reads of it, and the traceback. */
export function shorten(message: string): { said: string; trace: string } {
  const [first, ...lines] = message.trimEnd().split('\n');
  const last = lines.at(-1) ?? '';
  const traced = lines.slice(0, -1).some(line => /^\s/.test(line));
  return traced && last && !/^\s/.test(last)
    ? { said: `${first}\n${last}`, trace: lines.join('\n') }
    : { said: message, trace: '' };
}
