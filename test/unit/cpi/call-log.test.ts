import { expect, test } from 'vitest';
import { byLine } from '../../../cpi/call-log.ts';
import { loggedCpi } from '../../../cpi/logged-cpi.ts';
import { seededChance } from '../../../common/chance.ts';
import { VirtualClock } from '../../../common/clock.ts';
import { id, type AgentId, type StemcellCid, type VmCid } from '../../../common/ids.ts';
import { MemoryCpi } from '../../../cpi/memory/memory-cpi.ts';

test('what comes in pieces is handed on in whole lines', () => {
  const written: string[] = [];
  const lines = byLine((text) => written.push(text), new VirtualClock());
  for (const piece of ['one, ', 'still one\ntw', 'o\nthree\nfo', 'ur']) lines.add(piece);
  lines.end();
  expect(written).toEqual(['one, still one\n', 'two\nthree\n', 'four\n']);
});

test('a line without an end is handed on in pieces', () => {
  const written: string[] = [];
  const lines = byLine((text) => written.push(text), new VirtualClock());
  lines.add('x'.repeat(70_000));
  expect(written).toEqual([`${'x'.repeat(70_000)}\n`]);
});

test('a line that does not go on is handed on as it is: what a program hangs at is in it', async () => {
  const clock = new VirtualClock();
  const written: string[] = [];
  const lines = byLine((text) => written.push(text), clock);
  lines.add('asking the infrastructure ...');
  await clock.advance(900);
  lines.add(' still');
  expect(written).toEqual([]);
  await clock.advance(100); // a second from its beginning, for it may go on for ever
  expect(written).toEqual(['asking the infrastructure ... still\n']);
  lines.add(' done\n');
  lines.end();
  expect(written).toEqual(['asking the infrastructure ... still\n', ' done\n']);
});

test('calls of a CPI in this process are told as those of a program, without what may be secret', async () => {
  const clock = new VirtualClock();
  const written: string[] = [];
  const memory = await MemoryCpi.open({
    clock,
    chance: seededChance(1),
    agent: { mbus: 'nats://bus', blobstore: { provider: 'local', options: {} }, ntp: [] },
  });
  const cpi = loggedCpi(memory, {
    kind: 'memory-cpi',
    clock,
    chance: seededChance(2),
    write: (text) => written.push(text),
  });
  const stemcellCid = await cpi.createStemcell('/dev/null', { name: 'tiny', version: '1' });
  const { vmCid } = await cpi.createVm({
    agentId: id<AgentId>('agent-1'),
    stemcellCid: id<StemcellCid>(stemcellCid),
    cloudProperties: { zone: 'hunter2' },
    networks: { default: { type: 'manual', ip: '10.0.0.2', cloud_properties: { name: 'hunter2' } } },
    diskCids: [],
    env: { bosh: { group: 'web', mbus: { cert: 'hunter2' } }, other: 'hunter2' },
  });
  await cpi.rebootVm(id<VmCid>('vm-of-nobody')).catch(() => {});

  const log = written.join('');
  expect(log).not.toContain('hunter2');
  const lines = log.trimEnd().split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[2]).toMatch(
    /^\S+Z \[memory-cpi\] \[cpi-\d{6}\] request: \{"method":"create_vm","arguments":\["agent-1",/,
  );
  expect(lines[2]).toContain('"bosh":{"group":"web","mbus":"<redacted>"}');
  expect(lines[3]).toContain(`response: {"result":{"vmCid":"${vmCid}"},"error":null,"log":""}`);
  expect(lines[5]).toMatch(
    /response: \{"result":null,"error":\{"type":"Bosh::Clouds::VMNotFound",.*"ok_to_retry":false\}/,
  );
});
