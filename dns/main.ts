import { readFileSync, statSync } from 'node:fs';
import { noRecords, readRecords, type Records } from './records.ts';
import { recursorsIn, type Recursor } from './recursors.ts';
import { startDnsServer } from './server.ts';

/** As the job's template writes it. */
interface Config {
  address: string;
  port: number;
  records_file: string;
  /** Empty: those of resolv.conf. */
  recursors: string[];
  recursor_timeout_ms: number;
}

/** The agent writes it anew when the director tells it; a look costs nothing. */
const lookMs = 500;

const [, , configFile] = process.argv;
if (configFile === undefined) {
  process.stderr.write('usage: dns CONFIG.json\n');
  process.exit(2);
}
const config = JSON.parse(readFileSync(configFile, 'utf8')) as Config; // the job's template wrote it

const log = (event: string, fields: Record<string, unknown> = {}) =>
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);

let records: Records = noRecords;
let seen = '';
function look(): void {
  try {
    const { mtimeMs, ino, size } = statSync(config.records_file);
    const now = `${mtimeMs} ${ino} ${size}`;
    if (now === seen) return;
    records = readRecords(readFileSync(config.records_file, 'utf8'));
    seen = now;
    log('records-read', { version: records.version, addresses: records.endpoints.length });
  } catch (thrown) {
    // None yet, or half a file: what is known stays so, and the next look is soon.
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    if (seen !== why) log('records-unreadable', { file: config.records_file, why });
    seen = why;
  }
}

function recursors(): Recursor[] {
  if (config.recursors.length > 0) return config.recursors.map((address) => ({ address, port: 53 }));
  return recursorsIn(readFileSync('/etc/resolv.conf', 'utf8'), [config.address]);
}

look();
setInterval(look, lookMs).unref();
const server = await startDnsServer({
  address: config.address,
  port: config.port,
  recursors: recursors(),
  recursorTimeoutMs: config.recursor_timeout_ms,
  now: () => ({ records, health: () => 'unchecked', random: Math.random }),
  log,
});
log('listening', { address: config.address, port: server.port });
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => void server.close().then(() => process.exit(0)));
