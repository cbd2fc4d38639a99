import { expect, test } from 'vitest';
import { CpiError } from '../../cpi/errors.ts';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';
import { newTask } from '../support/task-world.ts';

test('old orphaned disks are deleted, each for itself; and each deployment gets its snapshots', async () => {
  const director = await givenDirector({ snapshots: true });
  const run = async (type: string, args: unknown = null) =>
    director.ended(await director.engine.enqueue(newTask(type, { args, user: 'scheduler' })));
  await director.upload();
  await director.uploadStemcell();
  await director.cloudConfig(cloudConfigOf());
  await director.deploy(webTier({ instances: 2, disk: true }));
  expect(await run('snapshot_deployments')).toMatchObject({
    result: expect.stringMatching(/^Enqueued snapshot tasks/),
  });
  await director.engine.idle();
  expect(director.cpi.inventory().snapshots).toHaveLength(2);

  await director.delete('web');
  expect(await run('scheduled_orphaned_disk_cleanup', { days: 5 })).toMatchObject({ state: 'done' });
  expect(await director.store.instances.orphanedDisks()).toHaveLength(2);
  director.cpi.faults.failOnce('deleteDisk', 'before', new CpiError('CloudError', 'not now'));
  expect(await run('scheduled_orphaned_disk_cleanup', { days: -1 })).toMatchObject({
    state: 'error',
    result: expect.stringContaining('Deleted 1 orphaned disk(s)'),
  });
  expect(await run('scheduled_orphaned_disk_cleanup', { days: -1 })).toMatchObject({ state: 'done' });
  expect(director.cpi.inventory().disks).toEqual([]);
  expect(director.cpi.inventory().snapshots).toEqual([]);
  await director.close();
});
