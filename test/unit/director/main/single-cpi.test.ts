import { expect, test } from 'vitest';
import type { Cpi, CpiScope } from '../../../../cpi/cpi.ts';
import { singleCpi } from '../../../../director/main/single-cpi.ts';

test('a call that waited for its turn asks then whether the task is still held', async () => {
  const scopes: CpiScope[] = [];
  const cpis = singleCpi((scope) => {
    scopes.push(scope);
    return {} as Cpi; // nothing calls it
  });
  cpis.named('', { cpi: () => {}, holds: () => Promise.reject(new Error('another has it')) });
  await expect(scopes[0]?.beforeCall?.()).rejects.toThrow('another has it');
});
