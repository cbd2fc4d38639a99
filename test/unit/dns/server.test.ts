import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import packet, { type OptAnswer, type Packet } from 'dns-packet';
import { afterEach, expect, test } from 'vitest';
import { readRecords, type Records } from '../../../dns/records.ts';
import { recursorsIn } from '../../../dns/recursors.ts';
import { startDnsServer, type DnsServer } from '../../../dns/server.ts';
import { framed, MessageReader } from '../../../dns/tcp-frames.ts';

const open: DnsServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const recordsOf = (addresses: readonly string[], domain = 'bosh') =>
  readRecords(
    JSON.stringify({
      version: 1,
      record_keys: ['id', 'num_id', 'instance_group', 'group_ids', 'network', 'deployment', 'ip', 'domain'],
      record_infos: addresses.map((ip, n) => [`i${n}`, String(n), 'web', ['1'], 'net', 'cf', ip, domain]),
    }),
  );

async function given(records: Records, recursors: readonly number[] = []) {
  const server = await startDnsServer({
    address: '127.0.0.1',
    port: 0,
    recursors: recursors.map((port) => ({ address: '127.0.0.1', port })),
    recursorTimeoutMs: 300,
    now: () => ({ records, health: () => 'unchecked', random: () => 0 }),
    log: () => {},
  });
  open.push(server);
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.port}`]);
  return { port: server.port, resolver };
}

async function ask(port: number, message: Buffer): Promise<packet.DecodedPacket> {
  const socket = createSocket('udp4');
  const reply = new Promise<Buffer>((resolve) => socket.once('message', resolve));
  socket.send(message, port, '127.0.0.1');
  const decoded = packet.decode(await reply);
  socket.close();
  return decoded;
}

const question = (name: string, more: Partial<Packet> = {}) =>
  packet.encode({ type: 'query', id: 7, flags: packet.RECURSION_DESIRED, questions: [{ type: 'A', name }], ...more });

test('a resolver gets addresses of both kinds, with nothing to keep, and is told of names that there are not', async () => {
  const { resolver } = await given(recordsOf(['10.0.0.1', '10.0.0.2', 'fd00::1']));
  const found = await resolver.resolve4('q-s0.web.net.cf.bosh', { ttl: true });
  expect(found.toSorted((a, b) => (a.address < b.address ? -1 : 1))).toEqual([
    { address: '10.0.0.1', ttl: 0 },
    { address: '10.0.0.2', ttl: 0 },
  ]);
  expect(await resolver.resolve6('q-s0.web.net.cf.bosh')).toEqual(['fd00::1']);
  await expect(resolver.resolve6('i0.web.net.cf.bosh')).rejects.toMatchObject({ code: 'ENODATA' });
  await expect(resolver.resolve4('none.web.net.cf.bosh')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  await expect(resolver.resolve4('q-wrong.web.net.cf.bosh')).rejects.toMatchObject({ code: 'EFORMERR' });
});

test('what is too long for UDP is cut, and comes whole over TCP or to a client that takes more', async () => {
  const { port } = await given(recordsOf(Array.from({ length: 60 }, (_, n) => `10.0.1.${n}`)));
  const asked = question('q-s0.web.net.cf.bosh');
  expect(await ask(port, asked)).toMatchObject({ flag_tc: true, answers: [] });
  const edns = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] } as unknown as OptAnswer; // the rest has defaults
  expect((await ask(port, question('q-s0.web.net.cf.bosh', { additionals: [edns] }))).answers).toHaveLength(60);

  const socket = connect(port, '127.0.0.1');
  const reader = new MessageReader();
  const reply = new Promise<Buffer>((resolve) =>
    socket.on('data', (chunk: Buffer) => reader.read(chunk).forEach((each) => resolve(each))),
  );
  const message = framed(asked);
  socket.write(message.subarray(0, 5)); // in pieces, as it may come
  socket.write(message.subarray(5));
  expect(packet.decode(await reply).answers).toHaveLength(60);
  socket.destroy();
});

test('what is not ours goes to the recursors, to the next when one is silent; failing all, the client is told', async () => {
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  const upstream = await given(recordsOf(['10.8.8.8'], 'far'));
  const { resolver } = await given(recordsOf(['10.0.0.1']), [silent.address().port, upstream.port]);
  expect(await resolver.resolve4('i0.web.net.cf.far')).toEqual(['10.8.8.8']);
  await expect(upstream.resolver.resolve4('example.com')).rejects.toMatchObject({ code: 'ESERVFAIL' });
  silent.close();
});

test('noise gets no answer and harms nobody', async () => {
  const { port, resolver } = await given(recordsOf(['10.0.0.1']));
  const socket = createSocket('udp4');
  for (const noise of [Buffer.from('x'), Buffer.alloc(12, 255), Buffer.alloc(600, 1)])
    socket.send(noise, port, '127.0.0.1');
  expect(await resolver.resolve4('i0.web.net.cf.bosh')).toEqual(['10.0.0.1']);
  socket.close();
});

test('nobody is their own recursor', () => {
  const text = '# nameserver 9.9.9.9\nnameserver 169.254.0.2\nnameserver 8.8.8.8\n  nameserver fd00::53\n';
  const found = recursorsIn(text, ['169.254.0.2']);
  expect(found.map(({ address }) => address)).toEqual(['8.8.8.8', 'fd00::53']);
});
