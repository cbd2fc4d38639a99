import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textArgument, textsArgument } from '../arguments.ts';
import { tar } from '../bundles/archive.ts';
import { ActionFailed } from '../errors.ts';
import { globFiles } from '../glob.ts';
import type { Machine } from '../machine.ts';
import type { AgentMethods } from '../protocol.ts';
import type { Action } from './action.ts';

/** Packs logs and stores them as a blob. Types, comma-joined: `job`, `agent`, `system`; filters are globs. */
export const fetchLogs: Action = async (machine, { args, signal }): Promise<AgentMethods['fetch_logs']['result']> => {
  const types = textArgument(args, 0, 'type').split(',');
  const given = textsArgument(args, 1, 'filters');
  const filters = given.length === 0 ? ['**/*'] : given;
  const folders = types.map((type) => folderOf(machine, type.trim()));
  const { temporary } = machine.platform.paths;
  const id = machine.chance.uuid();
  const archive = join(temporary, `logs-${id}.tgz`);
  const lists: string[] = [];
  try {
    // In its place in the list, -C counts for the files that come after it.
    const inputs: string[] = [];
    for (const [i, { folder, prefix }] of folders.entries()) {
      const files = await globFiles(folder, filters, signal);
      const list = join(temporary, `logs-${id}.${i}`);
      lists.push(list);
      await writeFile(list, files.map((file) => `./${prefix}${file}\0`).join(''));
      inputs.push('-C', prefix === '' ? folder : '/', '--null', '-T', list);
    }
    // Logs change while they are read, and some go: exit code 1 says so, and the archive is whole.
    await tar(machine, ['-czf', archive, '--ignore-failed-read', ...inputs], signal, [0, 1]);
    const { blobId, multidigest } = await machine.blobs().put(archive, signal);
    return { blobstore_id: blobId, sha1: multidigest };
  } finally {
    for (const path of [archive, ...lists]) await rm(path, { force: true });
  }
};

function folderOf({ platform: { paths } }: Machine, type: string): { folder: string; prefix: string } {
  switch (type) {
    case 'job':
      return { folder: paths.log, prefix: '' };
    case 'agent':
      return { folder: paths.agentLog, prefix: '' };
    case 'system':
      return { folder: '/var/log', prefix: 'var/log/' };
    default:
      throw new ActionFailed(`fetch_logs: no log type "${type}"`, {
        code: 'log-type-unknown',
        hint: 'It is job, agent or system.',
      });
  }
}
