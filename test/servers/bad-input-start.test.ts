import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../common/log.ts';
import { loadConfig } from '../../director/config.ts';
import { startDirector } from '../../director/main.ts';

// A whole director on real ports, started where it cannot start.

let dir: string;
let taken: Server | undefined;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'start-'))));
afterEach(() => {
  taken?.close();
  taken = undefined;
  rmSync(dir, { recursive: true });
});

const start = (lines: string, state = 'state') => {
  const file = join(dir, 'director.yml');
  writeFileSync(file, `state_directory: ${state}\nbus: {port: 0}\n${lines}\n`);
  return startDirector(loadConfig(file, {}), { log: silentLog, version: '0', revision: '0', agentCommand: [] });
};

test('a port that is taken is told, and the director starts once it is free', async () => {
  taken = createServer();
  await new Promise<void>((resolve) => taken?.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo; // it listens on TCP
  const lines = `listen: {port: ${port}}`;
  await expect(start(lines)).rejects.toMatchObject({
    code: 'port-in-use',
    message: `the API cannot listen on 127.0.0.1 port ${port}: another program does`,
  });
  await new Promise((resolve) => taken?.close(resolve));
  await (await start(lines)).stop();
});

test('an address of another computer, and a certificate that is not there, are told', async () => {
  await expect(start('listen: {port: 0, address: 192.0.2.1}')).rejects.toMatchObject({ code: 'address-unavailable' });
  await expect(start('listen: {port: 0, certificate: a.pem, private_key: a.key}')).rejects.toMatchObject({
    code: 'certificate-file-unreadable',
    message: expect.stringMatching(/^listen\.certificate: the file .*a\.pem can't be read: ENOENT/),
  });
});

test('a second director on the state directory is refused, and the first one goes on', async () => {
  const first = await start('listen: {port: 0}');
  await expect(start('listen: {port: 0}')).rejects.toMatchObject({
    code: 'state-directory-in-use',
    message: expect.stringContaining(`in use by process ${process.pid}`),
  });
  await first.stop();
});

test('a state directory where nothing can be made is told, instead of tried for ever', async () => {
  await expect(start('listen: {port: 0}', '/proc/gantry/state')).rejects.toMatchObject({
    code: 'directory-unusable',
    message: expect.stringMatching(/^state_directory: the directory \/proc\/gantry\/state can't be made: ENOENT/),
  });
  writeFileSync(join(dir, 'file'), '');
  await expect(start('listen: {port: 0}', join(dir, 'file'))).rejects.toMatchObject({
    code: 'directory-unusable',
    message: expect.stringContaining('EEXIST'),
  });
  await expect(start('listen: {port: 0}\nblobstore: {directory: /proc/blobs}')).rejects.toMatchObject({
    message: expect.stringMatching(/^blobstore\.directory: /),
  });
});
