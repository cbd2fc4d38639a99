import type { PackageRef } from '../../agent/protocol.ts';
import { inTurns, mapInTurns } from '../../common/in-turns.ts';
import { activeVm } from '../plan/actual.ts';
import type { WantedInstance } from '../plan/changes.ts';
import { dnsRecordsOf, sameRecords } from '../plan/dns-records.ts';
import type { LaidOutInstance } from '../plan/layout.ts';
import { planningDeployment, stateWish, type DeploymentPlan } from '../plan/plan-deployment.ts';
import type { DeployOptions, WantedDeployment, WantedGroup } from '../plan/wanted.ts';
import type { DnsRecord } from '../store/dns.ts';
import { ignoredRefused } from './instance-errors.ts';
import { linkGroupsOf } from '../plan/links/offers.ts';
import type { Prepared } from './prepare.ts';
import { renderedOf, type Rendered } from './render.ts';

/**
 * Brings together what is wanted of each instance, and plans.
 * @throws OperatorError `instance-ignored` when the operator asks for a state of just that instance
 */
export async function makePlan(
  { layout, linked, resolved: { wanted }, dnsRecords, variables }: Prepared,
  rendered: ReadonlyMap<string, Rendered>,
  packages: (group: WantedGroup) => Readonly<Record<string, PackageRef | null>>,
  options: DeployOptions,
): Promise<DeploymentPlan> {
  const instances = new Map<string, WantedInstance>();
  for (const { wanted: group, instances: laidOut } of layout.groups) {
    const refs = packages(group);
    const links = linkGroupsOf(linked.offers, group.group.name);
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
        namesDiffer: namesDiffer(instance, { wanted, networks, links, recorded: dnsRecords.get(instance.id) ?? [] }),
        stateWish: stateWish(group.group, instance, options),
        tags: { ...wanted.tags, ...group.group.tags },
        variables,
      });
    });
  }
  return inTurns(planningDeployment(layout, instances, options, wanted.firstDeploy));
}

/** Of one that has neither a machine nor records there is nothing to put right: its names come with its machine. */
function namesDiffer(
  { group, az, existing }: LaidOutInstance,
  {
    wanted,
    recorded,
    ...own
  }: {
    wanted: WantedDeployment;
    networks: Rendered['networks'];
    links: readonly string[];
    recorded: readonly DnsRecord[];
  },
): boolean {
  const agentId = existing === null ? null : (activeVm(existing.instance)?.agentId ?? null);
  if (agentId === null && recorded.length === 0) return false;
  const { name: deployment, dns } = wanted;
  return !sameRecords(dnsRecordsOf({ deployment, group, az, domain: dns.domain, agentId, ...own }), recorded);
}
