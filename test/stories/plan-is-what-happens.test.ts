import { describe } from 'vitest';
import { seededChance } from '../../common/chance.ts';
import type {
  DeploymentPlanDocument,
  PlannedGroup,
  PlannedInstance,
  PlannedWave,
} from '../../director/api/contract/plans.ts';
import type { DeployOptions, StateChange } from '../../director/api/deploy-args.ts';
import { Dice } from '../simulate/dice.ts';
import { givenDirector } from '../support/given-director.ts';

type Director = Awaited<ReturnType<typeof givenDirector>>;
type Ended = Awaited<ReturnType<Director['deploy']>>;

/**
 * A deployment's life: what is wanted of it changes at random, and each time a plan is asked for before it is deployed.
 * What the deploy then did, step by step as its debug output has it, is held against that plan: each instance's steps,
 * nobody else's, in the plan's order, with no more at a time than it said.
 */
describe.concurrent('what is done is what was planned', { timeout: 120_000 }, (it) => {
  it.for([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('in life %i', async (seed, { expect, onTestFinished }) => {
    const director = await givenDirector({ seed });
    onTestFinished(() => director.close());
    const life = new Life(director, new Dice(seededChance(seed)));
    await life.begin();
    let changing = 0;
    for (let change = 0; change < 30; change++) {
      const { planned, deployed, done } = await life.change();
      if (planned.state === 'error') {
        expect(deployed).toMatchObject({ state: 'error', result: planned.result }); // refused, and for the same reason
        await life.ignoreNobody();
        continue;
      }
      expect(deployed).toMatchObject({ state: 'done', result: '/deployments/web' });
      expect({ change, faults: faultsOf(JSON.parse(planned.plan) as DeploymentPlanDocument, done) }).toEqual({
        change,
        faults: [],
      });
      if (done.length > 0) changing++;
    }
    expect(changing).toBeGreaterThan(10); // else it would be a life in which nothing happens
  });
});

interface Group {
  name: string;
  instances: number;
  azs: string[];
  vmType: string;
  disk: number;
  port: number;
  serial: boolean;
  lifecycle: 'service' | 'errand';
}

/** What was done to an instance, in the order of the whole task. */
interface Done {
  instance: string;
  index: number;
  step: string;
}

class Life {
  readonly #director: Director;
  readonly #dice: Dice;
  #groups: Group[];
  #version = '1';
  #stemcell = '1';
  #ram = 1;
  #tag = 'red';
  #policy = { canaries: 1, maxInFlight: 2 };

  constructor(director: Director, dice: Dice) {
    this.#director = director;
    this.#dice = dice;
    this.#groups = ['db', 'web', 'job'].map((name) => this.#group(name));
  }

  async begin(): Promise<void> {
    for (const version of ['1', '2']) {
      await this.#director.upload({ version });
      await this.#director.uploadStemcell(version);
    }
  }

  async change(): Promise<{ planned: Ended; deployed: Ended; done: Done[] }> {
    const director = this.#director;
    if (this.#dice.oneIn(5)) await this.#ignoreSomebody();
    this.#wishAnew();
    await director.cloudConfig(this.#cloudConfig());
    const options = this.#options();
    const states = this.#states();
    const planned = await director.deploy(this.#manifest(), { ...options, dryRun: true }, states);
    const before = await this.#indices();
    const deployed = await director.deploy(this.#manifest(), options, states);
    const indices = new Map([...before, ...(await this.#indices())]);
    const lines = [...deployed.debug.matchAll(/ (\w+\/[0-9a-f-]{36}): (.*)$/gm)];
    const done = lines.map(([, instance = '', step = '']) => ({ instance, step, index: indices.get(instance) ?? -1 }));
    return { planned, deployed, done };
  }

  async #indices(): Promise<Map<string, number>> {
    const instances = await this.#director.store.instances.ofDeployment('web');
    return new Map(instances.map(({ group, id, index }) => [`${group}/${id}`, index]));
  }

  async #ignoreSomebody(): Promise<void> {
    await this.ignoreNobody();
    const instances = await this.#director.store.instances.ofDeployment('web');
    if (instances.length === 0) return;
    await this.#director.store.instances.update(this.#dice.oneOf(instances).id, { ignore: true });
  }

  async ignoreNobody(): Promise<void> {
    for (const { id, ignore } of await this.#director.store.instances.ofDeployment('web')) {
      if (ignore) await this.#director.store.instances.update(id, { ignore: false });
    }
  }

  #group(name: string): Group {
    const dice = this.#dice;
    return {
      name,
      instances: dice.below(5),
      azs: dice.oneOf([['z1'], ['z1', 'z2'], ['z2']]),
      vmType: dice.oneOf(['small', 'large']),
      disk: dice.oneOf([0, 1024, 2048]),
      port: 80 + dice.below(3),
      serial: dice.oneIn(2),
      lifecycle: name === 'job' && dice.oneIn(3) ? 'errand' : 'service',
    };
  }

  #wishAnew(): void {
    const dice = this.#dice;
    for (let changes = 2 + dice.below(3); changes > 0; changes--) {
      const at = dice.below(3);
      const name = ['db', 'web', 'job'][at] ?? 'web';
      const group = this.#groups.find((one) => one.name === name);
      const wishes: Array<() => unknown> = [
        () => (this.#version = dice.oneOf(['1', '2'])),
        () => (this.#stemcell = dice.oneOf(['1', '2'])),
        () => (this.#ram = 1 + dice.below(3)),
        () => (this.#tag = dice.oneOf(['red', 'blue'])),
        () => (this.#policy = { canaries: dice.below(3), maxInFlight: 1 + dice.below(4) }),
        () => group !== undefined && (group.instances = dice.below(6)),
        () => group !== undefined && (group.port = 80 + dice.below(5)),
        () => group !== undefined && (group.disk = dice.oneOf([0, 1024, 2048])),
        () => group !== undefined && (group.vmType = dice.oneOf(['small', 'large'])),
        () => group !== undefined && (group.azs = dice.oneOf([['z1'], ['z1', 'z2'], ['z2']])),
        () => this.#toggle(name),
      ];
      dice.oneOf(wishes)();
    }
  }

  #toggle(name: string): void {
    const without = this.#groups.filter((group) => group.name !== name);
    const had = without.length < this.#groups.length;
    if (!had) this.#groups.push(this.#group(name));
    else if (without.length > 0) this.#groups = without;
  }

  #options(): Partial<DeployOptions> {
    const dice = this.#dice;
    return {
      ...(dice.oneIn(6) ? { recreate: true } : {}),
      ...(dice.oneIn(8) ? { recreatePersistentDisks: true } : {}),
      ...(dice.oneIn(6) ? { maxInFlight: '50%' } : {}),
      ...(dice.oneIn(6) ? { canaries: '2' } : {}),
      ...(dice.oneIn(6) ? { skipDrain: '*' } : {}),
    };
  }

  #states(): StateChange[] {
    if (!this.#dice.oneIn(3)) return [];
    const state = this.#dice.oneOf(['stopped', 'detached', 'started', 'restart', 'recreate'] as const);
    return [{ group: this.#dice.oneOf(this.#groups).name, index: null, state }];
  }

  #cloudConfig(): string {
    return `
azs: [{name: z1}, {name: z2}]
networks:
- name: default
  subnets:
  - {range: 10.0.0.0/25, gateway: 10.0.0.1, azs: [z1, z2], dns: [8.8.8.8]}
vm_types: [{name: small}, {name: large, cloud_properties: {ram: ${this.#ram}}}]
compilation: {workers: 2, network: default, az: z1, vm_type: small, reuse_compilation_vms: true}
`;
  }

  #manifest(): string {
    const groups = this.#groups.map(
      (group) => `
- name: ${group.name}
  instances: ${group.instances}
  lifecycle: ${group.lifecycle}
  azs: [${group.azs.join(', ')}]
  vm_type: ${group.vmType}
  stemcell: default
  persistent_disk: ${group.disk}
  networks: [{name: default}]
  update: {serial: ${group.serial}}
  jobs: [{name: web, release: web, properties: {port: ${group.port}}}]`,
    );
    return `
name: web
tags: {colour: ${this.#tag}}
releases: [{name: web, version: "${this.#version}"}]
stemcells: [{alias: default, os: tiny-os, version: "${this.#stemcell}"}]
update:
  canaries: ${this.#policy.canaries}
  max_in_flight: ${this.#policy.maxInFlight}
  canary_watch_time: 1-2
  update_watch_time: 1-2
instance_groups:${groups.join('')}
`;
  }
}

/** A part of the plan: its steps all come after those of the part before. */
interface Part {
  title: string;
  atOnce: number;
  instances: Array<{ planned: PlannedInstance; steps: string[] }>;
}

function faultsOf(plan: DeploymentPlanDocument, done: readonly Done[]): string[] {
  const faults: string[] = [];
  let at = 0;
  for (const stretch of stretchesOf(plan)) {
    const length = stretch.flat().reduce((sum, part) => sum + stepsIn(part), 0);
    const own = done.slice(at, at + length);
    at += length;
    faults.push(...stretch.flatMap((parts) => faultsOfParts(parts, own)));
  }
  const unplanned = done.slice(at).map(({ instance, step }) => `${instance}: ${step}: not planned, or after all else`);
  return [...faults, ...unplanned];
}

/** One after the other; the groups of a batch beside each other. */
function stretchesOf({ deletions, missing, batches }: DeploymentPlanDocument): Part[][][] {
  const first = partOf('obsolete groups', deletions, Infinity);
  const create = missing.map((planned) => ({ planned, steps: planned.create_steps }));
  return [
    [[first]],
    [[{ title: 'missing VMs', atOnce: Infinity, instances: create }]],
    ...batches.map((batch) => batch.map(partsOfGroup)),
  ];
}

function partsOfGroup({ group, deletions, deletions_max_in_flight, waves }: PlannedGroup): Part[] {
  const ofWave = ({ canaries, rest, max_in_flight }: PlannedWave, i: number) => [
    partOf(`canaries of ${group} ${i}`, canaries, max_in_flight),
    partOf(`wave ${i} of ${group}`, rest, max_in_flight),
  ];
  return [partOf(`deletions of ${group}`, deletions, deletions_max_in_flight), ...waves.flatMap(ofWave)];
}

function partOf(title: string, instances: readonly PlannedInstance[], atOnce: number): Part {
  return { title, atOnce, instances: instances.map((planned) => ({ planned, steps: planned.steps })) };
}

function stepsIn({ instances }: Part): number {
  return instances.reduce((sum, { steps }) => sum + steps.length, 0);
}

/** @param done what was done in the stretch, by this group and those beside it */
function faultsOfParts(parts: readonly Part[], done: readonly Done[]): string[] {
  let rest = done;
  const faults: string[] = [];
  for (const part of parts) {
    const mine = part.instances.map(({ planned, steps }) => ({
      steps,
      title: `${part.title}: ${planned.action} ${planned.instance} (${planned.index})`,
      is: (one: Done) => one.index === planned.index && one.instance.startsWith(prefixOf(planned)),
    }));
    const upTo = lastIndexOf(rest, mine, stepsIn(part));
    const own = rest.slice(0, upTo);
    rest = [...own.filter((one) => !mine.some(({ is }) => is(one))), ...rest.slice(upTo)];
    for (const { is, steps, title } of mine) {
      const did = own.filter(is).map(({ step }) => step);
      if (did.join() !== steps.join()) faults.push(`${title}: planned ${steps.join(', ')}; done ${did.join(', ')}`);
    }
    const most = mostAtOnce(own, mine);
    if (most > part.atOnce) faults.push(`${part.title}: ${most} at once instead of ${part.atOnce}`);
  }
  return faults;
}

type Mine = ReadonlyArray<{ is: (one: Done) => boolean; steps: readonly string[] }>;

/** Where so many steps of these instances are done. */
function lastIndexOf(done: readonly Done[], mine: Mine, count: number): number {
  let left = count;
  return left === 0 ? 0 : done.findIndex((one) => mine.some(({ is }) => is(one)) && --left === 0) + 1 || done.length;
}

function mostAtOnce(done: readonly Done[], mine: Mine): number {
  const spans = mine.map(({ is }) => ({ from: done.findIndex(is), to: done.findLastIndex(is) }));
  return Math.max(
    0,
    ...done.map((_, at) => spans.filter(({ from, to }) => from !== -1 && from <= at && at <= to).length),
  );
}

function prefixOf({ instance }: PlannedInstance): string {
  return instance.endsWith('/new') ? instance.slice(0, -'new'.length) : instance;
}
