import { randomInt } from 'node:crypto';
import { InvalidInput } from '../../../common/errors.ts';
import { generateValue } from '../../../manifests/generate/generate.ts';
import { isMap, type YamlMap, type YamlValue } from '../../../manifests/value.ts';
import { generationFailed } from '../errors.ts';
import { sha512Crypt } from './sha512-crypt.ts';

export const generatedTypes = ['password', 'user', 'certificate', 'rsa', 'ssh'] as const;
/** Those that can only be set. */
export const givenTypes = ['value', 'json'] as const;

const saltCharacters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const saltLength = 16;
const letters = 'abcdefghijklmnopqrstuvwxyz';
const usernameLength = 20;

export interface Making {
  name: string;
  type: string;
  parameters: YamlMap;
  now: Date;
  /** The certificate, with its key, of this name. */
  authority: (name: string) => Promise<YamlValue | undefined>;
}

/** Makes a value of any type that can be made. @throws OperatorError `variable-generation-failed` */
export async function makeValue({ name, type, parameters, now, authority }: Making): Promise<YamlValue> {
  try {
    if (type === 'user') return await makeUser({ name, parameters, now, authority });
    return await generateValue({ name, type, options: parameters, now, authority });
  } catch (thrown) {
    if (!(thrown instanceof InvalidInput)) throw thrown;
    throw generationFailed(name, type, thrown.faults.map(({ message }) => message).join('; '), thrown);
  }
}

/** The parameter `username` is its name, all others are those of its password. */
async function makeUser({ name, parameters, now, authority }: Omit<Making, 'type'>): Promise<YamlMap> {
  const { username: given = null, ...options } = parameters;
  if (given !== null && typeof given !== 'string') throw generationFailed(name, 'user', '"username" must be a text');
  const password = await generateValue({ name, type: 'password', options, now, authority });
  if (typeof password !== 'string') throw new Error('a password that was made is no text');
  const username = given === null || given === '' ? chosen(letters, usernameLength) : given;
  return { username, password, password_hash: passwordHash(password) };
}

export function passwordHash(password: string): string {
  return sha512Crypt(password, chosen(saltCharacters, saltLength));
}

function chosen(characters: string, length: number): string {
  return Array.from({ length }, () => characters[randomInt(characters.length)]).join('');
}

/** What is wrong with a value that somebody sets; undefined: nothing. Never with the value. */
export function valueFault(type: string, value: YamlValue): string | undefined {
  const texts = (...keys: string[]) =>
    isMap(value) && keys.every((key) => typeof (value[key] ?? '') === 'string')
      ? undefined
      : `it must be a map with the texts ${keys.join(', ')}`;
  switch (type) {
    case 'password':
    case 'value':
      return typeof value === 'string' && value !== '' ? undefined : 'it must be a text that is not empty';
    case 'json':
      return value !== null && typeof value === 'object' ? undefined : 'it must be a map or a list';
    case 'user':
      return texts('username', 'password');
    case 'certificate':
      return texts('ca', 'certificate', 'private_key');
    case 'rsa':
    case 'ssh':
      return texts('public_key', 'private_key');
    default:
      return `there is no type "${type}": ${[...generatedTypes, ...givenTypes].join(', ')}`;
  }
}
