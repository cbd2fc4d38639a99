import { expect, test } from 'vitest';
import { callsDirectoryOf } from '../../../../director/main/infrastructure.ts';

test('each CPI keeps its calls apart from those of every other, whatever it is called', () => {
  const names = ['', 'own', 'named-own', 'vsphere-1', '../own', 'a/b', 'a b', 'x'.repeat(200)];
  const directories = names.map((name) => callsDirectoryOf('/state', name));
  expect(new Set(directories).size).toBe(names.length);
  for (const directory of directories) expect(directory).toMatch(/^\/state\/cpi-calls\/[\w-]+$/);
});
