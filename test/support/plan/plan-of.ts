import { id, type InstanceId } from '../../../common/ids.ts';
import type { ActualDeployment } from '../../../director/plan/actual.ts';
import type { WantedInstance } from '../../../director/plan/changes.ts';
import { layOut, type GroupLayout, type Layout } from '../../../director/plan/layout.ts';
import {
  deploymentsConsumedFrom,
  resolveLinks,
  type ResolvedLinks,
} from '../../../director/plan/links/resolve-links.ts';
import { networkSettings } from '../../../director/plan/network-settings.ts';
import { planDeployment, stateWish, type DeploymentPlan } from '../../../director/plan/plan-deployment.ts';
import { noVariables } from '../../../director/plan/variable-values.ts';
import type { DeployOptions, WantedDeployment } from '../../../director/plan/wanted.ts';
import { packageRefs } from './catalog.ts';
import { anyNumbers } from './numbers.ts';

export interface Planned {
  wanted: WantedDeployment;
  actual: ActualDeployment;
  options: DeployOptions;
  layout: Layout;
  instances: ReadonlyMap<string, WantedInstance>;
  plan: DeploymentPlan;
}

/** Plans as deploy/update-deployment.ts does; `letter` begins the ids of new instances: a01, a02… */
export function planOf(wanted: WantedDeployment, actual: ActualDeployment, options: DeployOptions, letter: string) {
  const total = wanted.groups.reduce((sum, { group }) => sum + group.instances, 0);
  const freshIds = Array.from({ length: total }, (_, i) =>
    id<InstanceId>(`${letter}${String(i + 1).padStart(2, '0')}`),
  );
  const layout = layOut(wanted, actual, freshIds);
  const elsewhere = new Map(deploymentsConsumedFrom(wanted).map((name) => [name, null]));
  const { links } = resolveLinks(wanted, layout, { elsewhere, numbers: anyNumbers() });
  const instances = new Map(layout.groups.flatMap((group) => wantedInstances(wanted, group, links, options)));
  const plan = planDeployment(layout, instances, options, wanted.firstDeploy);
  return { wanted, actual, options, layout, instances, plan } satisfies Planned;
}

function wantedInstances(
  deployment: WantedDeployment,
  { wanted: group, instances }: GroupLayout,
  links: ResolvedLinks,
  options: DeployOptions,
): Array<[string, WantedInstance]> {
  return instances.map((layout) => {
    const { existing } = layout;
    const known = existing?.agent.kind === 'answered' ? (existing.agent.state.networks ?? {}) : {};
    return [
      layout.id,
      {
        deployment,
        group,
        layout,
        networks: networkSettings(group.group, layout, deployment.cloud.networks, known),
        packages: packageRefs(group.jobs),
        rendered: rendered(group, links),
        namesDiffer: false,
        stateWish: stateWish(group.group, layout, options),
        tags: { ...deployment.tags, ...group.group.tags },
        variables: noVariables,
      },
    ];
  });
}

/** Templates that use every property and link of their job, and nothing of the instance: their "hash" is what they use. */
function rendered({ group, jobs }: WantedInstance['group'], links: ResolvedLinks): WantedInstance['rendered'] {
  const hashes = jobs.map(({ name, properties, job }): [string, string] => [
    name,
    JSON.stringify([job.version, properties, links.get(group.name)?.get(name) ?? {}]),
  ]);
  return { configurationHash: JSON.stringify(hashes), templateHashes: Object.fromEntries(hashes) };
}
