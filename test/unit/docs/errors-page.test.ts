import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CpiError, cpiErrorTypes } from '../../../cpi/errors.ts';

// docs/operators/errors.md has a heading for each code of the sources, and none for a code that is gone.

const root = join(import.meta.dirname, '../../..');
const folders = ['agent', 'cli', 'common', 'cpi', 'director', 'manifests', 'releases', 'stemcells'];
const source = folders
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((f) => join(folder, f)),
  )
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n');
const page = readFileSync(join(root, 'docs/operators/errors.md'), 'utf8');
const headings = [...page.matchAll(/^### (.*)$/gm)].map(([, heading = '']) => heading);

/** `code: 'x'`, also where it is one of two; `code: \`x-${kind}\`` is the pattern `x-[a-z]+`. */
function codesOf(text: string): { codes: Set<string>; patterns: RegExp[] } {
  const codes = new Set<string>(cpiErrorTypes.map((type) => new CpiError(type, '').code));
  const patterns: RegExp[] = [];
  for (const [, expression = ''] of text.matchAll(/\bcode: ([^\n]*)/g)) {
    const plain = /^(?:[^'`,}]*\? )?'([a-z0-9-]+)'(?: : '([a-z0-9-]+)')?/.exec(expression);
    for (const code of plain?.slice(1) ?? []) if (code !== undefined) codes.add(code);
    const [, template] = /^`([^`]+)`/.exec(expression) ?? [];
    if (template !== undefined) patterns.push(new RegExp(`^${template.replace(/\$\{\w+\}/g, '[a-z]+')}$`));
  }
  return { codes, patterns };
}

const { codes, patterns } = codesOf(source);

test('every code has its heading', () => {
  expect([...codes].filter((code) => !headings.includes(code)).sort()).toEqual([]);
  expect(patterns.filter((pattern) => !headings.some((heading) => pattern.test(heading)))).toEqual([]);
});

test('every heading is a code, and stands once', () => {
  const known = (code: string) =>
    codes.has(code) || patterns.some((pattern) => pattern.test(code)) || source.includes(`'${code}'`);
  expect(headings.filter((heading) => !known(heading))).toEqual([]);
  expect(headings.filter((heading, i) => headings.indexOf(heading) !== i)).toEqual([]);
});

test('every heading is followed by what it means', () => {
  expect([...page.matchAll(/^### (.*)\n\n(?=#|$)/gm)].map(([, heading]) => heading)).toEqual([]);
});
