import { expect, test } from 'vitest';
import { usedIn } from '../../../../director/deploy/still-used.ts';

const stemcell = { name: 'tiny', version: '1' };
const job = { name: 'web', templates: [{ name: 'web', version: 'job-1', sha1: 'a' }] };

test('a spec tells what its instance was made with', () => {
  expect(usedIn({ id: 'one', stemcell, job })).toEqual({ stemcell, jobs: job.templates });
  expect(usedIn({ id: 'one', stemcell, job: null })).toEqual({ stemcell, jobs: [] });
  expect(usedIn(null)).toEqual({ jobs: [] });
});

test.each([
  { job },
  { stemcell: { name: 'tiny' }, job },
  { stemcell },
  { stemcell, job: { templates: 'web' } },
  { stemcell, job: { templates: [{ name: 'web' }] } },
])('one that does not tell it is a fault, and does not count as using nothing: %j', (spec) => {
  expect(() => usedIn({ id: 'one', ...spec })).toThrow(/instance one does not tell/);
});
