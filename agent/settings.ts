import { InvalidInput, messageOf, type Fault } from '../common/errors.ts';
import type { AgentSettings } from './protocol.ts';
import { isRecord, textAt, textsAt } from './shape.ts';

/**
 * Reads settings.json. CPIs leave out what they have nothing for.
 * @throws InvalidInput with every fault
 */
export function parseSettings(text: string, file: string): AgentSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new InvalidInput(`settings ${file}`, [{ path: '', message: messageOf(thrown) }]);
  }
  if (!isRecord(value)) throw new InvalidInput(`settings ${file}`, [{ path: '', message: 'expected an object' }]);
  const faults: Fault[] = [];
  const record = (name: string, from: Record<string, unknown>): Record<string, unknown> => {
    const found = from[name] ?? {};
    if (isRecord(found)) return found;
    faults.push({ path: name, message: 'expected an object' });
    return {};
  };
  const plain = (name: string, fallback?: string): string => {
    const found = value[name] ?? fallback;
    if (typeof found === 'string' && (found !== '' || fallback === '')) return found;
    faults.push({ path: name, message: 'expected a text' });
    return '';
  };
  const vm = record('vm', value);
  const blobstore = record('blobstore', value);
  const settings = {
    agent_id: plain('agent_id'),
    vm: { name: typeof vm['name'] === 'string' ? vm['name'] : '' },
    networks: record('networks', value),
    disks: record('disks', value),
    env: record('env', value),
    blobstore: { provider: textAt(blobstore, 'provider') ?? 'local', options: record('options', blobstore) },
    mbus: plain('mbus', ''),
    ntp: textsAt(value, 'ntp'),
  };
  if (!/^[A-Za-z0-9_-]+$/.test(settings.agent_id)) {
    faults.push({ path: 'agent_id', message: `"${settings.agent_id}" cannot be part of a subject of the bus` });
  }
  for (const [name, network] of Object.entries(settings.networks)) {
    if (!isRecord(network)) faults.push({ path: `networks.${name}`, message: 'expected an object' });
  }
  if (faults.length > 0) throw new InvalidInput(`settings ${file}`, faults);
  return settings as AgentSettings; // the parts that code relies on were checked above
}
