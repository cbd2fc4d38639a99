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

const shipped = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A whole director in this process, with simulated machines, and our CLI as somebody calls it. */
export async function givenCli() {
  const dir = await mkdtemp(join(tmpdir(), 'cli-story-'));
  const config = join(dir, 'director.yml');
  await writeFile(
    config,
    JSON.stringify({
      state_directory: join(dir, 'state'),
      listen: { port: 0, hostnames: ['127.0.0.1', 'localhost'] },
      bus: { kind: 'embedded', port: 0 },
      cpi: { kind: 'memory', machines: 'simulated' },
      users: [{ name: 'admin', password: 'admin' }],
    }),
  );
  const director = await startDirector(loadConfig(config, {}), {
    log: silentLog,
    version: '1.2.3',
    revision: '00000000',
    agentCommand: [],
  });
  await writeFile(join(dir, 'ca.pem'), director.caCertificate);
  const given = {
    dir,
    shipped,

    /** One command line; what it printed, and its exit code. */
    async gantry(words: readonly string[]) {
      const streams = givenStreams();
      const code = await runCli({
        words,
        env: {
          BOSH_ENVIRONMENT: director.url,
          BOSH_CLIENT: 'admin',
          BOSH_CLIENT_SECRET: 'admin',
          BOSH_CA_CERT: join(dir, 'ca.pem'),
          BOSH_CONFIG: join(dir, 'config'),
          BOSH_NON_INTERACTIVE: 'true',
        },
        cwd: dir,
        streams,
        terminal: false,
        untilStopped: () => new Promise<void>(() => {}),
        onInterrupt: () => () => {},
        version: '1.2.3',
      });
      return { code, text: streams.text(), errors: streams.errors() };
    },

    /** The rows of the first table, of a command that must succeed. */
    async rowsOf(...words: string[]): Promise<Array<Record<string, string>>> {
      const { code, text, errors } = await given.gantry([...words, '--json']);
      expect(errors).toBe('');
      expect(code, text).toBe(0);
      const { Tables } = JSON.parse(text) as { Tables: Array<{ Rows: Array<Record<string, string>> }> | null }; // --json
      return Tables?.[0]?.Rows ?? [];
    },

    async uploadGreeter(): Promise<void> {
      const source = shipped('releases/shipped/greeter');
      await writeTarball(await packReleaseDir({ dir: source, workDir: dir, version: '1' }), join(dir, 'greeter.tgz'));
      for (const words of [
        ['create-stemcell', 'stemcell.tgz'],
        ['upload-release', 'greeter.tgz'],
        ['upload-stemcell', 'stemcell.tgz'],
        ['update-cloud-config', shipped('manifests/shipped/quickstart/cloud-config.yml')],
      ])
        expect(await given.gantry(words)).toMatchObject({ code: 0 });
    },

    async close(): Promise<void> {
      await director.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return given;
}
