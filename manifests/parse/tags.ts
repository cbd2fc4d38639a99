import { isMap } from '../value.ts';
import { scalarText } from '../yaml/emit.ts';
import { numeralOf } from '../yaml/numerals.ts';
import { boshCodes, describe, type Section } from './section.ts';

/** `tags`: texts by name. What isn't text becomes it, as it would on its way to the infrastructure. */
export function readTags(section: Section): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [name, value] of section.entries('tags')) {
    if (typeof value === 'string') tags[name] = value;
    else if (isMap(value) || Array.isArray(value)) {
      section.below(['tags'], {}).fault(name, {
        message: `a tag must be a text, but it is ${describe(value)}`,
        boshCode: boshCodes.wrongType,
      });
    } else tags[name] = numeralOf(section.freeMap('tags'), name) ?? scalarText(value, '');
  }
  return tags;
}
