import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blobsIo } from '../../../agent/blobs/blobs-io.ts';
import { blobsFromSettings } from '../../../agent/blobs/from-settings.ts';
import { seededChance } from '../../../common/chance.ts';
import { VirtualClock } from '../../../common/clock.ts';
import { digestOf } from '../../../common/digest.ts';

/** A WebDAV server of the least kind, which fails as often as it is told to before it works. */
async function givenServer() {
  const files = new Map<string, Buffer>();
  const seen: string[] = [];
  let failures = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      seen.push(`${method} ${url}`);
      if (request.headers.authorization !== `Basic ${Buffer.from('agent:secret').toString('base64')}`) {
        return response.writeHead(401).end();
      }
      if (failures-- > 0) return response.writeHead(503).end();
      if (method === 'PUT') {
        files.set(url, Buffer.concat(parts));
        return response.writeHead(201).end();
      }
      const found = files.get(url);
      return found === undefined ? response.writeHead(404).end() : response.end(found);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'dav-'));
  const clock = new VirtualClock();
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/blobs`; // listens on TCP
  const options = { endpoint, user: 'agent', password: 'secret' };
  const blobs = blobsFromSettings({ provider: 'dav', options }, blobsIo(folder, { clock, chance: seededChance(1) }));
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  };
  return { blobs, files, seen, clock, folder, close, fail: (times: number) => (failures = times) };
}

test('a blob goes there and back, through an outage of the server', async () => {
  const { blobs, clock, folder, close, fail, seen } = await givenServer();
  await writeFile(join(folder, 'file'), 'content');
  fail(2);
  const { blobId, multidigest } = await clock.runUntil(blobs.put(join(folder, 'file')));
  expect(multidigest).toBe(`${digestOf('content', 'sha1')};sha256:${digestOf('content', 'sha256')}`);
  const prefix = digestOf(blobId, 'sha1').slice(0, 2);
  expect(seen).toEqual(Array(3).fill(`PUT /blobs/${prefix}/${blobId}`));
  fail(1);
  expect(await readFile(await clock.runUntil(blobs.get(blobId, multidigest)), 'utf8')).toBe('content');
  await close();
});

test('an absent blob is told at once; a damaged one after four tries, and no file is left', async () => {
  const { blobs, clock, files, folder, close, seen } = await givenServer();
  await expect(clock.runUntil(blobs.get('gone', 'a'.repeat(40)))).rejects.toMatchObject({ code: 'blob-not-found' });
  expect(seen).toHaveLength(1);
  files.set(`/blobs/${digestOf('bad', 'sha1').slice(0, 2)}/bad`, Buffer.from('damaged'));
  const failing = clock.runUntil(blobs.get('bad', 'a'.repeat(40)));
  await expect(failing).rejects.toMatchObject({
    code: 'digest-mismatch',
    message: expect.stringContaining('tried 4 times'),
  });
  await expect(readFile(folder)).rejects.toThrow('EISDIR');
  await close();
});

test('a provider that the agent does not speak is refused with its name', () => {
  const io = blobsIo('/nowhere', { clock: new VirtualClock(), chance: seededChance(1) });
  expect(() => blobsFromSettings({ provider: 'gcs', options: {} }, io)).toThrow('"gcs" is none that this agent knows');
});
