import type { Action } from './action.ts';

/** 1: errands are run by the name of their job. */
export const info: Action = () => ({ api_version: 1 });
