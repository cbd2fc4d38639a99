import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { runCli } from '../../cli/run.ts';
import { silentLog } from '../../common/log.ts';
import { loadConfig } from '../../director/config.ts';
import { startDirector } from '../../director/main.ts';
import { writeTarball } from '../../releases/directory/create-release.ts';
import { packReleaseDir } from '../../releases/directory/pack-release-dir.ts';
import { givenStreams } from './cli-ui.ts';

/** A file of this project. */
export const shipped = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Nobody presses Ctrl-C; whatever runs until then is told to stop at once. */
export const noSignals = { untilStopped: () => Promise.resolve(), onInterrupt: () => () => {} };

export type CliDirector = Awaited<ReturnType<typeof givenCliDirector>>;

/** A whole director in this process, with simulated machines, and command lines against it in a directory of its own. */
export async function givenCliDirector(signals: typeof noSignals = noSignals) {
  const dir = await mkdtemp(join(tmpdir(), 'cli-story-'));
  const config = join(dir, 'director.yml');
  await writeFile(
    config,
    JSON.stringify({
      state_directory: join(dir, 'state'),
      listen: { port: 0, hostnames: ['127.0.0.1', 'localhost'] },
      bus: { kind: 'embedded', port: 0 },
      cpi: { kind: 'memory', machines: 'simulated' },
      users: [
        { name: 'admin', password: 'admin' },
        { name: 'reader', password: 'reader', scopes: ['bosh.read'] },
      ],
    }),
  );
  const director = await startDirector(loadConfig(config, {}), {
    log: silentLog,
    version: '1.2.3',
    revision: '00000000',
    agentCommand: [],
  });
  await writeFile(join(dir, 'ca.pem'), director.caCertificate);

  /** One command line, as `user`; what it printed, and its exit code. */
  async function gantry(words: readonly string[], { user = 'admin', terminal = false } = {}) {
    const streams = { ...givenStreams(), ...(terminal ? { columns: () => 80 } : {}) };
    const code = await runCli({
      words,
      env: {
        BOSH_ENVIRONMENT: director.url,
        BOSH_CLIENT: user,
        BOSH_CLIENT_SECRET: user,
        BOSH_CA_CERT: join(dir, 'ca.pem'),
        BOSH_CONFIG: join(dir, 'config'),
        BOSH_NON_INTERACTIVE: 'true',
      },
      cwd: dir,
      streams,
      terminal,
      ...signals,
      version: '1.2.3',
    });
    return { code, text: streams.text(), errors: streams.errors() };
  }

  /** The rows of the first table, of a command that must succeed. */
  async function rowsOf(...words: string[]): Promise<Array<Record<string, string>>> {
    const { code, text, errors } = await gantry([...words, '--json']);
    expect({ words, code, errors, ...(code === 0 ? {} : { text }) }).toEqual({ words, code: 0, errors: '' });
    const { Tables } = JSON.parse(text) as { Tables: Array<{ Rows: Array<Record<string, string>> }> | null }; // --json
    return Tables?.[0]?.Rows ?? [];
  }

  return {
    dir,
    director,
    gantry,
    rowsOf,
    /** The greeter release as `greeter.tgz`, or by the name that is given. */
    async packGreeter(version: string, file = 'greeter.tgz') {
      const workDir = await mkdtemp(join(dir, 'pack-'));
      const packed = await packReleaseDir({ dir: shipped('releases/shipped/greeter'), workDir, version });
      await writeTarball(packed, join(dir, file));
    },
    /** Release, stemcell and cloud config: all that the greeter's deploy needs. */
    async uploadGreeter() {
      await this.packGreeter('1');
      for (const words of [
        ['create-stemcell', 'stemcell.tgz'],
        ['upload-release', 'greeter.tgz'],
        ['upload-stemcell', 'stemcell.tgz'],
        ['update-cloud-config', shipped('manifests/shipped/quickstart/cloud-config.yml')],
      ])
        expect(await gantry(words)).toMatchObject({ code: 0 });
    },
    async close() {
      await director.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
