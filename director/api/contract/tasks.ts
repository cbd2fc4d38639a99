import { Type, type Static } from 'typebox';
import type { Fault } from '../../../common/errors.ts';

const TextOrNull = Type.Union([Type.String(), Type.Null()]);
const SecondsOrNull = Type.Union([Type.Integer(), Type.Null()]);

export const TaskState = Type.Union([
  Type.Literal('queued'),
  Type.Literal('processing'),
  Type.Literal('cancelling'),
  Type.Literal('cancelled'),
  Type.Literal('done'),
  Type.Literal('error'),
  Type.Literal('timeout'),
]);
export type TaskState = Static<typeof TaskState>;

export const Task = Type.Object({
  id: Type.Integer(),
  state: TaskState,
  description: Type.String(),
  /** Seconds since the epoch; null while queued or processing. */
  timestamp: SecondsOrNull,
  started_at: SecondsOrNull,
  result: TextOrNull,
  user: Type.String(),
  deployment: TextOrNull,
  context_id: Type.String(),
});
export type Task = Static<typeof Task>;

export const TaskList = Type.Array(Task);

export interface TaskListQuery {
  /** Joined with commas. */
  state?: string;
  limit?: string;
  /** `2`: also listings, ssh and other small tasks. */
  verbose?: '1' | '2';
  deployment?: string;
  context_id?: string;
}

/** Body of POST /tasks/cancel. */
export const TaskSelector = Type.Object({
  deployment: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  types: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
  /** `queued`, `processing`; default: queued. */
  states: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
});
export type TaskSelector = Static<typeof TaskSelector>;

/** One line of a task's event output. */
export const ProgressEvent = Type.Object({
  time: Type.Integer(),
  stage: Type.String(),
  tags: Type.Array(Type.String()),
  total: Type.Union([Type.Integer(), Type.Null()]),
  task: Type.String(),
  index: Type.Integer(),
  state: Type.Union([
    Type.Literal('started'),
    Type.Literal('in_progress'),
    Type.Literal('finished'),
    Type.Literal('failed'),
  ]),
  progress: Type.Integer({ minimum: 0, maximum: 100 }),
  data: Type.Optional(
    Type.Object({
      status: Type.Optional(Type.String()),
      error: Type.Optional(Type.String()),
      /** What is wrong with an input, each with its path there: `error` has all of it as text. */
      faults: Type.Optional(
        Type.Array(Type.Unsafe<Fault>(Type.Object({ path: Type.String(), message: Type.String() }))),
      ),
    }),
  ),
});
export type ProgressEvent = Static<typeof ProgressEvent>;

export interface NoticeEvent {
  time: number;
  type: 'deprecation' | 'warning';
  message: string;
}

/** The last line of a task that failed or was cancelled. */
export interface ErrorEvent {
  time: number;
  error: { code: number; message: string; faults?: readonly Fault[] };
}

export type TaskEvent = ProgressEvent | NoticeEvent | ErrorEvent;
