import { readFileSync } from 'node:fs';
import { OperatorError } from '../../../common/errors.ts';
import { id } from '../../../common/ids.ts';
import { isMap, type YamlMap } from '../../../manifests/value.ts';
import { readYaml } from '../../../manifests/yaml.ts';
import type { ActualDeployment, ActualInstance } from '../../../director/plan/actual.ts';
import { changeLine, changesIn, outlineOf } from '../../../director/api/contract/plan-text.ts';
import { documentOf } from './document-of.ts';
import type { DeployOptions } from '../../../director/plan/wanted.ts';
import type { IpAddress } from '../../../director/store/instances.ts';
import { perform, type Performed } from './perform.ts';
import { planOf, type Planned } from './plan-of.ts';
import { lintPlan } from './plan-linter.ts';
import { optionsOf, wantedOf } from './wanted-of.ts';

/**
 * A case of the planner's golden tests, all keys optional but `wanted`:
 *
 *   cloud     cloud config; each key replaces that of the default one (wanted-of.ts)
 *   others    addresses of other deployments: `10.0.0.2: cf/doppler`
 *   deployed  manifest, or a list of them one after the other, that was deployed with success
 *   since     what happened to its instances, by `group/index`: ignore, state, agent (silent, failing, stopped), dirty,
 *             vm (gone, left-over, unfinished), static, az
 *   cloudNow  keys of the cloud config that changed
 *   wanted    manifest of this deploy; keys that it leaves out are as deployed
 *   options   of this deploy, as DeployOptions names them
 */
export interface GoldenCase {
  cloud: YamlMap;
  others: YamlMap;
  deployed: YamlMap[];
  since: YamlMap;
  cloudNow: YamlMap;
  wanted: YamlMap;
  options: Partial<DeployOptions>;
}

const keys = ['cloud', 'others', 'deployed', 'since', 'cloudNow', 'wanted', 'options'];

export function readCase(path: string): GoldenCase {
  const { value } = readYaml(readFileSync(path, 'utf8'), path);
  if (!isMap(value) || !isMap(value['wanted'])) throw new Error(`${path}: "wanted" is missing`);
  const unknown = Object.keys(value).filter((key) => !keys.includes(key));
  if (unknown.length > 0) throw new Error(`${path}: unknown keys ${unknown.join(', ')}`);
  const mapAt = (key: string): YamlMap => (isMap(value[key]) ? value[key] : {});
  const { deployed = [] } = value;
  return {
    cloud: mapAt('cloud'),
    others: mapAt('others'),
    deployed: (Array.isArray(deployed) ? deployed : [deployed]).filter((manifest) => isMap(manifest)),
    since: mapAt('since'),
    cloudNow: mapAt('cloudNow'),
    wanted: value['wanted'],
    options: mapAt('options') as Partial<DeployOptions>, // JSON of ours; planDeployment would fail on other keys
  };
}

export interface Told {
  text: string;
  /** Violations of what holds for every plan. */
  faults: string[];
}

/** Deploys what was deployed, plans the case, carries it out and plans again. */
export function tell(golden: GoldenCase): Told {
  const { actual, manifest, faults } = deployBefore(golden);
  const before = meddle(actual, golden.since);
  const wanted = () =>
    wantedOf(
      { ...manifest, ...golden.wanted },
      { ...golden.cloud, ...golden.cloudNow },
      { firstDeploy: golden.deployed.length === 0 },
    );
  const head = ['BEFORE', ...describeActual(before)];
  let planned: Planned;
  try {
    planned = planOf(wanted(), before, optionsOf(golden.options), 'n');
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    const lines = [
      ...thrown.message.split('\n'),
      `code ${thrown.code}, ${String(thrown.details['boshCode'])}`,
      `hint: ${thrown.hint}`,
    ];
    return { text: textOf([...head, '', 'REFUSED', ...lines.map((line) => `  ${line}`)]), faults };
  }
  faults.push(...lintPlan(planned));
  const outline = outlineOf(documentOf(planned.plan), { steps: true });
  const done = perform(planned);
  faults.push(...done.faults);
  const again = planOf(
    { ...planned.wanted, firstDeploy: false },
    done.actual,
    optionsOf({ fix: golden.options.fix === true }),
    'x',
  );
  faults.push(
    ...changesIn(documentOf(again.plan)).map(({ planned }) => `the same deploy again: ${changeLine(planned)}`),
  );
  return { text: textOf([...head, '', 'PLAN', ...orNothing(outline), '', 'AFTER', ...describeAfter(done)]), faults };
}

function deployBefore({ cloud, others, deployed }: GoldenCase) {
  const addresses = Object.entries(others).map(([address, holder]): IpAddress => ({
    address,
    network: 'default',
    static: false,
    instanceId: id(holder as string), // our own cases name it
    taskId: null,
  }));
  let actual: ActualDeployment = { instances: [], addresses };
  let manifest: YamlMap = {};
  const faults: string[] = [];
  deployed.forEach((given, i) => {
    manifest = { ...manifest, ...given };
    const planned = planOf(wantedOf(manifest, cloud, { firstDeploy: i === 0 }), actual, optionsOf(), 'abc'.charAt(i));
    const done = perform(planned);
    faults.push(...lintPlan(planned), ...done.faults);
    actual = done.actual;
  });
  return { actual, manifest, faults };
}

/** What happened since the last deploy. */
function meddle(actual: ActualDeployment, since: YamlMap): ActualDeployment {
  const left = new Map(Object.entries(since));
  const instances = actual.instances.map((one) => {
    const key = `${one.instance.group}/${one.instance.index}`;
    const changes = left.get(key);
    left.delete(key);
    return isMap(changes) ? meddleWith(structuredClone(one), changes) : one;
  });
  if (left.size > 0) throw new Error(`no such instance: ${[...left.keys()].join(', ')}`);
  const own = new Set<string | null>(instances.map(({ instance }) => instance.id));
  const others = actual.addresses.filter(({ instanceId }) => !own.has(instanceId));
  return { instances, addresses: [...others, ...instances.flatMap(({ instance }) => instance.ips)] };
}

function meddleWith({ instance, agent }: ActualInstance, changes: YamlMap): ActualInstance {
  const vm = instance.vms.find(({ active }) => active);
  const acts: Record<string, (value: unknown) => void> = {
    ignore: (value) => void (instance.ignore = value === true),
    dirty: () => void (instance.updateCompleted = false),
    agent: (value) => {
      if (value === 'silent') agent = { kind: 'silent', reason: 'timed out' };
      else if (agent.kind === 'answered')
        agent.state.job_state = value === 'failing' || value === 'running' ? value : 'stopped';
    },
    disk: () => {
      if (agent.kind === 'answered') agent.mountedDisks = [];
    },
    vm: (value) => {
      if (vm === undefined) throw new Error(`${instance.group}/${instance.index} has no VM`);
      if (value === 'gone') instance.vms = [];
      else if (value === 'unfinished') Object.assign(vm, { state: 'creating', active: false, cid: null });
      else if (value === 'left-over')
        instance.vms.push({ ...vm, agentId: id('left-over'), state: 'deleting', active: false });
      else throw new Error(`a VM cannot be ${String(value)}`);
      if (value !== 'left-over') agent = { kind: 'none' };
    },
  };
  for (const [key, value] of Object.entries(changes)) {
    const act = acts[key];
    if (act === undefined) throw new Error(`nothing is known of "${key}"`);
    act(value);
  }
  return { instance, agent };
}

function describeActual({ instances, addresses }: ActualDeployment): string[] {
  const own = new Set<string | null>(instances.map(({ instance }) => instance.id));
  const others = addresses.filter(({ instanceId }) => !own.has(instanceId));
  return orNothing([
    ...instances.map(describeInstance),
    ...others.map(({ address, instanceId }) => `${address} belongs to ${instanceId}`),
  ]);
}

function describeInstance({ instance, agent }: ActualInstance): string {
  const { group, id: instanceId, index, az, ips, disks, vms } = instance;
  const vm = vms.find(({ active }) => active);
  const disk = disks.map(({ name, sizeMib }) => `disk ${name === '' ? '' : `"${name}" `}of ${sizeMib} MiB`);
  const jobs = agent.kind === 'answered' ? agent.state.job_state : agent.kind === 'silent' ? 'agent silent' : 'no VM';
  const notes = [
    instance.state,
    jobs,
    ...(vm === undefined ? [] : [`${vm.stemcell.name}/${vm.stemcell.version}`]),
    ...vms.filter(({ active }) => !active).map(({ state }) => `a VM ${state}`),
    ...disk,
    ...(instance.bootstrap ? ['bootstrap'] : []),
    ...(instance.ignore ? ['ignored'] : []),
    ...(instance.updateCompleted ? [] : ['half updated']),
  ];
  const addresses = ips.map((ip) => `${ip.network} ${ip.address}${ip.static ? ' static' : ''}`);
  const where = [`(${index})`, ...(az === null ? [] : [az]), ...addresses];
  return `${group}/${instanceId} ${where.join(', ')}: ${notes.join(', ')}`;
}

function describeAfter({ actual, orphaned }: Performed): string[] {
  return [...describeActual(actual), ...orphaned.map((disk) => `  orphaned: ${disk}`)];
}

function orNothing(lines: readonly string[]): string[] {
  return lines.length === 0 ? ['  nothing'] : lines.map((line) => `  ${line}`);
}

function textOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
