import { promisify } from 'node:util';
import type { Attributes, Client, FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';

/** Files on an instance, by SFTP; relative paths are below the home directory. */
export interface RemoteFiles {
  /** Undefined: there is nothing. */
  stat(path: string): Promise<Stats | undefined>;
  list(path: string): Promise<FileEntryWithStats[]>;
  makeDirectory(path: string, mode: number): Promise<void>;
  get(remote: string, local: string): Promise<void>;
  put(local: string, remote: string, mode: number): Promise<void>;
}

/** SFTP's own number for what is not there. */
const noSuchFile = 2;

export async function remoteFiles(client: Client): Promise<RemoteFiles> {
  const sftp = await promisify<SFTPWrapper>((done) => client.sftp(done))();
  // The typings have several signatures of each; these are those that are meant.
  const stat = promisify<string, Stats>(sftp.stat.bind(sftp));
  const mkdir = promisify<string, Partial<Attributes>>(
    sftp.mkdir.bind(sftp) as (
      path: string,
      attributes: Partial<Attributes>,
      done: (error?: Error | null) => void,
    ) => void,
  );
  return {
    stat: async (path) => {
      try {
        return await stat(path);
      } catch (thrown) {
        if ((thrown as { code?: unknown }).code === noSuchFile) return undefined;
        throw thrown;
      }
    },
    list: promisify<string, FileEntryWithStats[]>(sftp.readdir.bind(sftp)),
    makeDirectory: async (path, mode) => {
      await mkdir(path, { mode });
    },
    get: (remote, local) =>
      new Promise((resolve, reject) => sftp.fastGet(remote, local, (error) => (error ? reject(error) : resolve()))),
    put: (local, remote, mode) =>
      new Promise((resolve, reject) =>
        sftp.fastPut(local, remote, { mode }, (error) => (error ? reject(error) : resolve())),
      ),
  };
}
