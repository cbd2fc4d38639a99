import type { FullInstance } from '../director/api/contract/deployments.ts';
import { decimalBytes, uptime } from './ui/format.ts';
import { type Cell, lines, number, time, toned } from './ui/table.ts';
import { yamlCell } from './yaml-cell.ts';

/** Which columns are shown. */
export interface InstanceView {
  readonly processes: boolean;
  readonly deployment: boolean;
  readonly details: boolean;
  readonly vm: boolean;
  readonly stemcell: boolean;
  readonly cloudProperties: boolean;
  readonly vitals: boolean;
}

/** What agents tell of a machine; any of it may be missing. Source: agent protocol, get_state full. */
interface Vitals {
  readonly cpu?: { readonly user?: string; readonly sys?: string; readonly wait?: string };
  readonly mem?: { readonly kb?: string; readonly percent?: string };
  readonly swap?: { readonly kb?: string; readonly percent?: string };
  readonly uptime?: { readonly secs?: number };
  readonly load?: readonly string[];
  readonly disk?: Readonly<Record<string, { readonly percent?: string; readonly inode_percent?: string }>>;
}

export interface Process {
  readonly name: string;
  readonly state: string;
  readonly uptime?: { readonly secs?: number };
  readonly mem?: { readonly kb?: number; readonly percent?: number };
  readonly cpu?: { readonly total?: number };
}

const running = 'running';

export const processesOf = ({ processes }: FullInstance): readonly Process[] => (processes ?? []) as readonly Process[]; // as the agents send them

/** A machine without processes is neither running nor not. */
function stateOf(instance: FullInstance): string {
  const state = instance.job_state ?? '';
  return state !== running || processesOf(instance).length > 0 ? state : '';
}

export function isRunning(instance: FullInstance): boolean {
  return stateOf(instance) === running && processesOf(instance).every(({ state }) => state === running);
}

export function titlesOf(view: InstanceView): string[] {
  const when = (shown: boolean, ...titles: string[]) => (shown ? titles : []);
  return [
    'Instance',
    ...when(view.processes, 'Process'),
    'Process State',
    'AZ',
    'IPs',
    ...when(view.deployment, 'Deployment'),
    ...when(view.details, 'State', 'VM CID', 'VM Type', 'Disk CIDs', 'Agent ID', 'Index', 'Bootstrap', 'Ignore'),
    ...when(!view.details && view.vm, 'VM CID', 'VM Type', 'Active'),
    ...when(view.stemcell, 'Stemcell'),
    ...when(view.cloudProperties, 'Cloud Properties'),
    ...when(view.vitals, 'VM Created At', 'Uptime', 'Load\n(1m, 5m, 15m)'),
    ...when(view.vitals, 'CPU\nTotal', 'CPU\nUser', 'CPU\nSys', 'CPU\nWait', 'Memory\nUsage', 'Swap\nUsage'),
    ...when(view.vitals, 'System\nDisk Usage', 'Ephemeral\nDisk Usage', 'Persistent\nDisk Usage'),
  ];
}

/** The instance's row, and one for each of its processes where they are shown. */
export async function instanceRows(
  instance: FullInstance,
  shown: { deployment: string; view: InstanceView; failing: boolean; processes: readonly Process[] },
): Promise<Cell[][]> {
  const { view, failing } = shown;
  const name = (instance.job_name || '?') + (instance.id ? `/${instance.id}` : '');
  const own = await cellsOf(instance, shown.deployment, view);
  const rows = [rowOf(view, { ...own, Instance: name })];
  if (!view.processes) return rows;
  for (const each of shown.processes) {
    if (failing && each.state === running) continue;
    rows.push(rowOf(view, { ...processCells(each), Instance: name }));
  }
  return rows;
}

const rowOf = (view: InstanceView, cells: Readonly<Record<string, Cell>>) =>
  titlesOf(view).map((title) => cells[title] ?? '');

async function cellsOf(instance: FullInstance, deployment: string, view: InstanceView): Promise<Record<string, Cell>> {
  const { stemcell, active, vm_created_at: created } = instance;
  return {
    'Process State': toned(stateOf(instance), isRunning(instance)),
    AZ: instance.az ?? '',
    IPs: lines(instance.ips ?? []),
    Deployment: deployment,
    State: instance.state ?? '',
    'VM CID': instance.vm_cid ?? '',
    'VM Type': instance.vm_type ?? '',
    'Disk CIDs': lines(disksOf(instance)),
    'Agent ID': instance.agent_id ?? '',
    Index: number(instance.index ?? 0),
    Bootstrap: String(instance.bootstrap ?? false),
    Ignore: String(instance.ignore ?? false),
    Active: active === null || active === undefined ? '-' : String(active),
    Stemcell: stemcell?.name ? `${stemcell.name}/${stemcell.version ?? ''}` : '-',
    'Cloud Properties': view.cloudProperties ? await yamlCell(instance.cloud_properties) : '',
    'VM Created At': time(created === null || created === undefined ? null : Math.floor(Date.parse(created) / 1000)),
    ...(view.vitals ? vitalCells((instance.vitals ?? {}) as Vitals) : {}), // as the agents send them
  };
}

const disksOf = ({ disk_cids: cids, disk_cid: cid }: FullInstance) =>
  (cids ?? []).length > 0 ? cids : cid === null || cid === undefined ? [] : [cid];

function vitalCells({ cpu, mem, swap, uptime: up, load, disk }: Vitals): Record<string, Cell> {
  const percent = (value?: string) => (value === undefined || value === '' ? '' : `${value}%`);
  const memory = (size?: { kb?: string; percent?: string }) =>
    !size?.kb || !size.percent ? '' : `${size.percent}% (${decimalBytes(Number(size.kb) * 1000)})`;
  const usage = (name: string) => {
    const { percent: used, inode_percent: inodes } = disk?.[name] ?? {};
    return used && inodes ? `${used}% (${inodes}i%)` : '';
  };
  return {
    Uptime: up?.secs === undefined ? '' : uptime(up.secs),
    'Load\n(1m, 5m, 15m)': (load ?? []).join(', '),
    'CPU\nUser': percent(cpu?.user),
    'CPU\nSys': percent(cpu?.sys),
    'CPU\nWait': percent(cpu?.wait),
    'Memory\nUsage': memory(mem),
    'Swap\nUsage': memory(swap),
    'System\nDisk Usage': usage('system'),
    'Ephemeral\nDisk Usage': usage('ephemeral'),
    'Persistent\nDisk Usage': usage('persistent'),
  };
}

function processCells({ name, state, uptime: up, mem, cpu }: Process): Record<string, Cell> {
  const { kb, percent } = mem ?? {};
  return {
    Process: name,
    'Process State': toned(state, state === running),
    Uptime: up?.secs === undefined ? '' : uptime(up.secs),
    'CPU\nTotal': cpu?.total === undefined ? '' : `${cpu.total.toFixed(1)}%`,
    'Memory\nUsage':
      kb === undefined || percent === undefined ? '' : `${percent.toFixed(1)}% (${decimalBytes(kb * 1000)})`,
  };
}
