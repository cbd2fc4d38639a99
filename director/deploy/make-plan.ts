import type { PackageRef } from '../../agent/protocol.ts';
import { inTurns, mapInTurns } from '../../common/in-turns.ts';
import type { WantedInstance } from '../plan/changes.ts';
import { planningDeployment, stateWish, type DeploymentPlan } from '../plan/plan-deployment.ts';
import type { DeployOptions, WantedGroup } from '../plan/wanted.ts';
import { ignoredRefused } from './instance-errors.ts';
import type { Prepared } from './prepare.ts';
import { renderedOf, type Rendered } from './render.ts';

/**
 * Brings together what is wanted of each instance, and plans.
 * @throws OperatorError `instance-ignored` when the operator asks for a state of just that instance
 */
export async function makePlan(
  { layout, resolved: { wanted } }: Prepared,
  rendered: ReadonlyMap<string, Rendered>,
  packages: (group: WantedGroup) => Readonly<Record<string, PackageRef | null>>,
  options: DeployOptions,
): Promise<DeploymentPlan> {
  const instances = new Map<string, WantedInstance>();
  for (const { wanted: group, instances: laidOut } of layout.groups) {
    const refs = packages(group);
    await mapInTurns(laidOut, (instance) => {
      const asked = options.states.some(
        (wish) =>
          wish.group === instance.group && (wish.instance === instance.id || wish.instance === String(instance.index)),
      );
      if (asked && instance.existing?.instance.ignore === true) throw ignoredRefused(instance.existing.instance);
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
    });
  }
  return inTurns(planningDeployment(layout, instances, options, wanted.firstDeploy));
}
