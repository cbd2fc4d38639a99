import type { CommandSpec } from '../command.ts';
import { dirFlag, releasePlace } from '../release-place.ts';
import { pathFrom } from '../template.ts';
import { binaryBytes } from '../ui/format.ts';
import { columnsOf } from '../ui/table.ts';

const load = () => import('../../releases/directory/blobs.ts');

export const blobCommands: readonly CommandSpec[] = [
  {
    name: 'blobs',
    text: 'List blobs',
    flags: [dirFlag],
    run: async (context, given) => {
      const { listBlobs } = await load();
      const blobs = await listBlobs(releasePlace(context, given.text('dir')));
      context.ui.table({
        content: 'blobs',
        columns: columnsOf('Path', 'Size', 'Blobstore ID', 'Digest'),
        rows: blobs.map(({ path, bytes, blobstoreId, sha }) => [
          path,
          binaryBytes(bytes),
          blobstoreId ?? '(local)',
          sha,
        ]),
        sortBy: [{ column: 0 }],
      });
    },
  },
  {
    name: 'add-blob',
    text: 'Add blob',
    args: [{ name: 'PATH' }, { name: 'BLOBS-PATH' }],
    flags: [dirFlag],
    run: async (context, given) => {
      const { addBlob } = await load();
      const place = releasePlace(context, given.text('dir'));
      const blob = await addBlob(place, pathFrom(context, given.arg(0)), given.arg(1));
      context.ui.line(`Added blob '${blob.path}'`);
    },
  },
  {
    name: 'remove-blob',
    text: 'Remove blob',
    args: [{ name: 'BLOBS-PATH' }],
    flags: [dirFlag],
    run: async (context, given) => {
      const { removeBlob } = await load();
      await removeBlob(releasePlace(context, given.text('dir')), given.arg(0));
      context.ui.line(`Removed blob '${given.arg(0)}'`);
    },
  },
  {
    name: 'sync-blobs',
    text: 'Sync blobs',
    flags: [dirFlag],
    run: async (context, given) => {
      const { syncBlobs } = await load();
      await syncBlobs(releasePlace(context, given.text('dir')));
    },
  },
  {
    name: 'upload-blobs',
    text: 'Upload blobs',
    flags: [dirFlag],
    run: async (context, given) => {
      const { uploadBlobs } = await load();
      await uploadBlobs(releasePlace(context, given.text('dir')));
    },
  },
];
