import { randomInt } from 'node:crypto';
import type { YamlMap } from '../value.ts';
import { booleanOption, numberOption, OptionError, refuseUnknown } from './options.ts';

const lower = 'abcdefghijklmnopqrstuvwxyz';
const upper = lower.toUpperCase();
const digits = '0123456789';
const special = '!"#$%&\'()*,-./:;<=>?@[\\]^_`{|}~';

const lengthUsual = 20;
const lengthMax = 4096;
const choices = ['exclude_upper', 'exclude_lower', 'exclude_number', 'include_special'];

/**
 * 20 lower-case letters and digits, as the bosh CLI makes them: they need no quoting anywhere. One of CredHub's
 * options for the characters brings in CredHub's set, with capital letters.
 */
export function generatePassword(options: YamlMap): string {
  refuseUnknown(options, ['length', ...choices]);
  const length = numberOption(options, 'length', { min: 1, max: lengthMax }) ?? lengthUsual;
  const characters = charactersFor(options);
  if (characters === '') throw new OptionError('the options exclude every character');
  return Array.from({ length }, () => characters[randomInt(characters.length)]).join('');
}

function charactersFor(options: YamlMap): string {
  if (!choices.some((choice) => choice in options)) return lower + digits;
  return [
    booleanOption(options, 'exclude_lower') ? '' : lower,
    booleanOption(options, 'exclude_upper') ? '' : upper,
    booleanOption(options, 'exclude_number') ? '' : digits,
    booleanOption(options, 'include_special') ? special : '',
  ].join('');
}
