import { Type, type TProperties } from 'typebox';

// The few kinds of values that the config file is made of. A default is a value of the file, in the file's unit.

interface About<T> {
  /** For the reference page: a sentence or two, with the unit. */
  description: string;
  default?: T;
}

export const text = (about: About<string> & { pattern?: string; shape?: string }) => Type.String({ ...about });

/** A file or directory; relative to the config file's directory, `~` is the home directory. */
export const path = (about: About<string>) => Type.String({ ...about, format: 'path' });

/** Text, or `{ env: NAME }`: then the value of that environment variable. Never shown. */
export const secret = (about: Omit<About<string>, 'default'>) => Type.String({ ...about, secret: true });

export const flag = (about: About<boolean>) => Type.Boolean({ ...about });

export const whole = (about: About<number> & { minimum: number; maximum: number }) => Type.Integer({ ...about });

export const port = (about: About<number>) => whole({ ...about, minimum: 0, maximum: 65535 });

export const oneOf = <const T extends string>(values: readonly T[], about: About<T>) =>
  Type.Unsafe<T>({ type: 'string', enum: values, ...about });

export const texts = (about: About<string[]>) => Type.Array(Type.String(), { ...about });

/** Left out: all its defaults. */
export const section = <P extends TProperties>(properties: P, about: { description: string }) =>
  Type.Object(properties, { ...about, additionalProperties: false });

/** Of an alternative: which one it is. */
export const kind = <const K extends string>(name: K) => Type.Literal(name);
