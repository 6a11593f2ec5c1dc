import type { IPlan, IStage } from '../src/logic/model.ts';

export function stage(name: string, cells: number[], more: Partial<IStage> = {}): IStage {
  return { name, cells, title: name, inputs: [], outputs: [], compute: '', ...more };
}

export function port(name: string, variables: string[] = [name], type = '') {
  return { name, variables, type, types: type ? { [name]: type } : {}, optional: [] };
}

export function plan(stages: IStage[], more: Partial<IPlan> = {}): IPlan {
  return {
    ...{ name: 'sales', title: 'Sales', stages, parameters: [], warnings: [], whole: '' },
    ...{ level: 'headings', cells: [], ...more }
  };
}

export const three = plan([stage('load', [1, 2]), stage('clean', [4, 5, 6]), stage('train', [8])]);
