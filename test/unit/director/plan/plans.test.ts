import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCase, tell } from '../../../support/plan/golden-case.ts';

const folder = join(import.meta.dirname, 'plans');

/** `vitest -u` writes the plans anew; they are reviewed like code. */
describe('plans', () => {
  const cases = readdirSync(folder).filter((name) => name.endsWith('.yml'));

  test.each(cases)('%s', async (name) => {
    const { text, faults } = tell(readCase(join(folder, name)));
    await expect(text).toMatchFileSnapshot(join(folder, name.replace(/\.yml$/, '.plan.txt')));
    expect(faults).toEqual([]);
  });
});
