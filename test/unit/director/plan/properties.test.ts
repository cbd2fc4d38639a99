import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OperatorError } from '../../../../common/errors.ts';
import type { YamlMap } from '../../../../manifests/value.ts';
import type { ActualDeployment } from '../../../../director/plan/actual.ts';
import { changesIn, outlineOf } from '../../../../director/api/contract/plan-text.ts';
import { documentOf } from '../../../support/plan/document-of.ts';
import { perform } from '../../../support/plan/perform.ts';
import { lintPlan } from '../../../support/plan/plan-linter.ts';
import { planOf, type Planned } from '../../../support/plan/plan-of.ts';
import { optionsOf, wantedOf } from '../../../support/plan/wanted-of.ts';

const nothing: ActualDeployment = { instances: [], addresses: [] };

const cloud: YamlMap = {
  networks: [
    {
      name: 'default',
      subnets: [
        { range: '10.0.0.0/24', gateway: '10.0.0.1', azs: ['z1', 'z2'], static: ['10.0.0.100-10.0.0.120'] },
        { range: '10.0.1.0/24', gateway: '10.0.1.1', azs: ['z3'] },
      ],
    },
    { name: 'back', subnets: [{ range: '10.5.0.0/24', gateway: '10.5.0.1', azs: ['z1', 'z2', 'z3'] }] },
    { name: 'wild', type: 'dynamic', subnets: [{ azs: ['z1', 'z2', 'z3'] }] },
  ],
};

const networks = fc.constantFrom<YamlMap[]>(
  [{ name: 'default' }],
  [{ name: 'back' }],
  [{ name: 'default', default: ['dns', 'gateway'] }, { name: 'back' }],
  [{ name: 'back', default: ['dns', 'gateway'] }, { name: 'wild' }],
);

const amount = fc.oneof(
  fc.integer({ min: 0, max: 4 }),
  fc.integer({ min: 0, max: 100 }).map((n) => `${n}%`),
);

const group = (name: string) =>
  fc
    .record({
      instances: fc.integer({ min: 0, max: 7 }),
      azs: fc.subarray(['z1', 'z2', 'z3'], { minLength: 1 }),
      networks,
      vm_type: fc.constantFrom('small', 'large'),
      persistent_disk: fc.constantFrom(0, 1024, 2048),
      update: fc.record({ canaries: amount, max_in_flight: amount, serial: fc.boolean() }),
      state: fc.constantFrom(null, null, null, 'stopped', 'detached', 'started'),
      lifecycle: fc.constantFrom('service', 'service', 'service', 'errand'),
    })
    .map((rest): YamlMap => ({ name, ...rest }));

const manifest = fc
  .record({
    version: fc.constantFrom('1', '2'),
    stemcell: fc.constantFrom('1', '2'),
    tags: fc.constantFrom<YamlMap>({}, { team: 'red' }),
    groups: fc.subarray(['db', 'web', 'smoke']).chain((names) => fc.tuple(...names.map(group))),
  })
  .map(({ version, stemcell, tags, groups }): YamlMap => ({
    releases: [{ name: 'app', version }],
    stemcells: [{ alias: 'default', os: 'tiny-os', version: stemcell }],
    tags,
    instance_groups: groups,
  }));

/** A life of a deployment: what was wanted, one after the other. Each is planned on what the one before led to. */
const life = fc.array(manifest, { minLength: 1, maxLength: 3 });

function live(manifests: readonly YamlMap[], each: (planned: Planned, after: ActualDeployment) => void): void {
  let actual = nothing;
  manifests.forEach((yaml, i) => {
    const planned = planOf(wantedOf(yaml, cloud, { firstDeploy: i === 0 }), actual, optionsOf(), 'abcd'.charAt(i));
    const done = perform(planned);
    expect([...lintPlan(planned), ...done.faults]).toEqual([]);
    each(planned, done.actual);
    actual = done.actual;
  });
}

const runs = { numRuns: 60 };

describe('whatever was and is wanted', () => {
  test('a plan can be carried out, keeps every rule, and the same deploy again has nothing to do', () => {
    fc.assert(
      fc.property(life, (manifests) => {
        live(manifests, ({ wanted }, after) => {
          const again = planOf({ ...wanted, firstDeploy: false }, after, optionsOf(), 'x');
          expect(changesIn(documentOf(again.plan))).toEqual([]);
        });
      }),
      runs,
    );
  });

  test('instances without disks are spread over the AZs evenly, to one', () => {
    fc.assert(
      fc.property(life, (manifests) => {
        live(manifests, ({ layout }) => {
          for (const { wanted, instances } of layout.groups) {
            if (instances.some(({ existing }) => (existing?.instance.disks.length ?? 0) > 0)) continue;
            const counts = (wanted.group.azs ?? []).map((az) => instances.filter((one) => one.az === az).length);
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          }
        });
      }),
      runs,
    );
  });

  test('an instance that stays keeps its AZ, index and every address that still fits', () => {
    fc.assert(
      fc.property(life, (manifests) => {
        live(manifests, ({ layout, wanted }) => {
          for (const { az, index, existing, reservations } of layout.groups.flatMap(({ instances }) => instances)) {
            if (existing === null) continue;
            expect({ az, index }).toEqual({ az: existing.instance.az, index: existing.instance.index });
            for (const { network, address } of reservations) {
              const had = existing.instance.ips.filter((ip) => ip.network === network).map((ip) => ip.address);
              // No subnet of this cloud config ever changes, so what an instance has on a network always fits.
              if (wanted.cloud.networks.get(network)?.type === 'manual' && had.length > 0)
                expect(had).toContain(address);
            }
          }
        });
      }),
      runs,
    );
  });

  test('the same plan comes of the same facts, in whatever order they are read', () => {
    const order = <T>(items: readonly T[], seed: number) =>
      items
        .map((item, i) => ({ item, key: Math.imul(i + 1, seed | 1) >>> 3 }))
        .sort((a, b) => a.key - b.key)
        .map(({ item }) => item);
    fc.assert(
      fc.property(fc.tuple(manifest, manifest), fc.integer(), ([before, now], seed) => {
        const done = perform(planOf(wantedOf(before, cloud, { firstDeploy: true }), nothing, optionsOf(), 'a')).actual;
        const shuffled = { instances: order(done.instances, seed), addresses: order(done.addresses, seed) };
        const [one, other] = [done, shuffled].map(
          (actual) => planOf(wantedOf(now, cloud), actual, optionsOf(), 'b').plan,
        );
        if (one === undefined || other === undefined) throw new Error('two plans were made');
        expect(other).toEqual(one);
      }),
      runs,
    );
  });

  test('static IPs: each is given once, to an AZ that its subnet is in, and a manifest that lists others moves no one else', () => {
    const statics = Array.from({ length: 12 }, (_, i) => `10.0.0.${100 + i}`);
    const ips = fc.subarray(statics, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(ips, ips, (before, now) => {
        const manifestOf = (list: string[]): YamlMap => ({
          instance_groups: [{ name: 'web', instances: list.length, networks: [{ name: 'default', static_ips: list }] }],
        });
        live([manifestOf(before), manifestOf(now)], ({ layout }) => {
          for (const { instances, wanted } of layout.groups) {
            const given = instances.flatMap(({ reservations }) => reservations.map(({ address }) => address));
            expect(given).toHaveLength(wanted.group.instances);
            expect(new Set(given)).toEqual(new Set(wanted.group.networks[0]?.staticIps));
            for (const { existing, reservations } of instances) {
              const had = existing?.instance.ips.map(({ address }) => address) ?? [];
              const kept = had.filter((address) => given.includes(address));
              if (kept.length > 0) expect(reservations.map(({ address }) => address)).toEqual(kept);
            }
          }
        });
      }),
      runs,
    );
  });
});

test('cost grows with the number of instances, not with its square: objects are looked at a bounded number of times each', () => {
  const looks = (instances: number) => {
    const wide: YamlMap = {
      networks: [{ name: 'default', subnets: [{ range: '10.0.0.0/16', gateway: '10.0.0.1', azs: ['z1', 'z2'] }] }],
    };
    const manifestOf = (version: string) => ({
      releases: [{ name: 'app', version }],
      instance_groups: [{ name: 'web', instances, azs: ['z1', 'z2'] }],
    });
    const before = perform(planOf(wantedOf(manifestOf('1'), wide, { firstDeploy: true }), nothing, optionsOf(), 'a'));
    let count = 0;
    const counted = <T extends object>(object: T): T =>
      new Proxy(object, {
        get: (target, key) => {
          count++;
          return Reflect.get(target, key) as unknown;
        },
      });
    const actual = {
      instances: before.actual.instances.map(({ instance, agent }) => ({ instance: counted(instance), agent })),
      addresses: before.actual.addresses.map(counted),
    };
    const { plan } = planOf(wantedOf(manifestOf('2'), wide), actual, optionsOf(), 'b');
    expect(outlineOf(documentOf(plan))).toHaveLength(instances + 3);
    return count;
  };
  const [few, many] = [looks(50), looks(500)];
  expect(many / few).toBeLessThan(12); // ten times the instances
});

test('too few addresses are refused, with every group that lacks some', () => {
  const tiny: YamlMap = {
    networks: [{ name: 'default', subnets: [{ range: '10.0.0.0/29', gateway: '10.0.0.1', azs: ['z1', 'z2', 'z3'] }] }],
  };
  const wanted = wantedOf(
    {
      instance_groups: [
        { name: 'db', instances: 9 },
        { name: 'web', instances: 1 },
      ],
    },
    tiny,
  );
  const refused = () => planOf(wanted, nothing, optionsOf(), 'a');
  expect(refused).toThrow(OperatorError);
  expect(refused).toThrow(/instance group db: .*\ninstance group db: .*\ninstance group web: /);
});
