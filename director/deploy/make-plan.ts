import type { PackageRef } from '../../agent/protocol.ts';
import type { WantedInstance } from '../plan/changes.ts';
import { planDeployment, stateWish, type DeploymentPlan } from '../plan/plan-deployment.ts';
import type { DeployOptions, WantedGroup } from '../plan/wanted.ts';
import type { Prepared } from './prepare.ts';
import { renderedOf, type Rendered } from './render.ts';

/** Brings together what is wanted of each instance, and plans. */
export function makePlan(
  { layout, resolved: { wanted } }: Prepared,
  rendered: ReadonlyMap<string, Rendered>,
  packages: (group: WantedGroup) => Readonly<Record<string, PackageRef | null>>,
  options: DeployOptions,
): DeploymentPlan {
  const instances = new Map<string, WantedInstance>();
  for (const { wanted: group, instances: laidOut } of layout.groups) {
    const refs = packages(group);
    for (const instance of laidOut) {
      const { networks, configurationHash, templateHashes } = renderedOf(rendered, instance.id);
      instances.set(instance.id, {
        deployment: wanted,
        group,
        layout: instance,
        networks,
        packages: refs,
        rendered: { configurationHash, templateHashes },
        stateWish: stateWish(group.group, instance, options),
        tags: { ...wanted.tags, ...group.group.tags },
      });
    }
  }
  return planDeployment(layout, instances, options, wanted.firstDeploy);
}
