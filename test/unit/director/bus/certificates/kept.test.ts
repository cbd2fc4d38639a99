import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../common/clock.ts';
import { silentLog, type Log } from '../../../../../common/log.ts';
import { keptAuthority, keptServerCertificate } from '../../../../../director/bus/certificates/kept.ts';
import { pemFolder } from '../../../../../director/bus/certificates/pem-folder.ts';
import { memoryPems } from '../../../../support/bus/given-embedded-bus.ts';

const dayMs = 86_400_000;
const ca = { name: 'ca', commonName: 'gantry-ca' };
const api = { name: 'api', commonName: 'api', hosts: ['localhost', '127.0.0.1'] };

let clock: VirtualClock;
let store: ReturnType<typeof memoryPems>;
let events: string[];
const log: Log = { ...silentLog, info: (event) => events.push(event), warn: (event) => events.push(event) };

beforeEach(() => {
  clock = new VirtualClock();
  store = memoryPems();
  events = [];
});

const deps = () => ({ store, clock, log });

test('the authority is made once, and is the same at each later start', async () => {
  const first = await keptAuthority(ca, deps());
  const second = await keptAuthority(ca, deps());
  expect(second.certificate).toBe(first.certificate);
  expect(events).toEqual(['certificate-authority-created']);
});

test('a server keeps its certificate until less than 30 days are left', async () => {
  const authority = await keptAuthority(ca, deps());
  const first = await keptServerCertificate(api, authority, deps());
  await clock.advance(334 * dayMs);
  expect((await keptServerCertificate(api, authority, deps())).certificate).toBe(first.certificate);
  await clock.advance(2 * dayMs);
  const renewed = await keptServerCertificate(api, authority, deps());
  expect(renewed.certificate).not.toBe(first.certificate);
  expect((await keptServerCertificate(api, authority, deps())).certificate).toBe(renewed.certificate);
});

test('a server gets a new one for a new host, and for a new authority', async () => {
  const authority = await keptAuthority(ca, deps());
  const first = await keptServerCertificate(api, authority, deps());
  const moved = await keptServerCertificate({ ...api, hosts: ['10.0.0.6'] }, authority, deps());
  expect(moved.certificate).not.toBe(first.certificate);

  store.saved.delete('ca');
  const other = await keptAuthority(ca, deps());
  expect((await keptServerCertificate({ ...api, hosts: ['10.0.0.6'] }, other, deps())).certificate).not.toBe(
    moved.certificate,
  );
});

test('an authority that nears its end is warned of a year ahead, and refused after it', async () => {
  await keptAuthority(ca, deps());
  await clock.advance((9 * 365 + 1) * dayMs);
  await keptAuthority(ca, deps());
  expect(events.at(-1)).toBe('certificate-authority-expires');
  await clock.advance(365 * dayMs);
  await expect(keptAuthority(ca, deps())).rejects.toMatchObject({ code: 'certificate-authority-expired' });
});

test('half a pair is not taken for one', async () => {
  await keptAuthority(ca, deps());
  store.saved.set('ca', store.saved.get('ca')?.replace(/-----BEGIN PRIVATE[^]*/, '') ?? '');
  await expect(keptAuthority(ca, deps())).rejects.toMatchObject({ code: 'certificate-damaged' });
});

test('a folder keeps them from other users', async () => {
  const base = await mkdtemp(join(tmpdir(), 'gantry-pems-'));
  const folder = pemFolder(join(base, 'certificates'));
  expect(await folder.load('ca')).toBeUndefined();
  await folder.save('ca', 'secret');
  await folder.save('ca', 'newer');
  expect(await folder.load('ca')).toBe('newer');
  expect(await readdir(join(base, 'certificates'))).toEqual(['ca.pem']);
  expect((await stat(join(base, 'certificates', 'ca.pem'))).mode & 0o777).toBe(0o600);
  await rm(base, { recursive: true });
});
