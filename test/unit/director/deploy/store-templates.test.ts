import { expect, test } from 'vitest';
import { id, type BlobId } from '../../../../common/ids.ts';
import { storeTemplates } from '../../../../director/deploy/store-templates.ts';

test('of a group that is updated all at once, only some archives are packed at a time', async () => {
  let open = 0;
  let most = 0;
  let stored = 0;
  const blobs = {
    put: async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return { blobId: id<BlobId>(`blob-${++stored}`), bytes: 1, sha1: '', sha256: 'abc' };
    },
  };
  const specs = await Promise.all(Array.from({ length: 500 }, () => storeTemplates([], blobs)));
  expect(most).toBeLessThanOrEqual(16);
  expect(most).toBeGreaterThan(4); // the thread pool is kept busy
  expect(specs[0]).toEqual({ blobstore_id: 'blob-1', sha1: 'sha256:abc' });
  expect(new Set(specs.map(({ blobstore_id }) => blobstore_id)).size).toBe(500);
});

test('an archive that cannot be stored makes room for the next', async () => {
  const full = { put: () => Promise.reject(new Error('disk full')) };
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => storeTemplates([], full)));
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
});
