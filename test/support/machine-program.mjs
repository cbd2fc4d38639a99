// Stands for an agent on process machines: `node machine-program.mjs SETTINGS`. Every 20 ms it notes what it sees of
// its machine in /var/vcap/seen.json, and does what the file /var/vcap/order says: halt, crash, orphan.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

const [, , settingsPath] = process.argv;
const run = randomUUID();
const list = (folder) => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};
const had = list('/tmp');
writeFileSync(`/tmp/left-by-${run}`, '');

setInterval(() => {
  const settings = JSON.parse(readFileSync(settingsPath, 'utf8'));
  for (const hint of Object.values(settings.disks.persistent)) {
    try {
      writeFileSync(`${hint.path}/written-by-${settings.vm.name}`, run);
    } catch {
      // detached meanwhile
    }
  }
  const disks = Object.fromEntries(list('/var/vcap/attached').map((cid) => [cid, list(`/var/vcap/attached/${cid}`)]));
  const seen = {
    run,
    vm: settings.vm.name,
    agentId: settings.agent_id,
    temporary: had,
    disks,
    pids: list('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number),
    pidNamespace: readlinkSync('/proc/self/ns/pid'),
    uid: process.getuid(),
    path: process.env.PATH,
  };
  writeFileSync('/var/vcap/seen.json.new', JSON.stringify(seen));
  renameSync('/var/vcap/seen.json.new', '/var/vcap/seen.json');

  let order;
  try {
    order = readFileSync('/var/vcap/order', 'utf8');
    rmSync('/var/vcap/order');
  } catch {
    return;
  }
  if (order === 'halt') process.exit(0);
  if (order === 'crash') process.exit(3);
  // a daemon: its parent ends, and it becomes a child of the machine's init
  if (order === 'orphan') spawn('/bin/sh', ['-c', 'sleep 1000 & sleep 0.01 &'], { stdio: 'ignore', detached: true });
  if (order === 'mount') {
    mkdirSync('/var/vcap/store', { recursive: true });
    spawn('/bin/sh', ['-c', 'mount --bind /var/vcap/attached/* /var/vcap/store'], { stdio: 'inherit' });
  }
}, 20);
