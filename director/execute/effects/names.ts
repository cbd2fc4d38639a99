import { activeVm } from '../../plan/actual.ts';
import { dnsRecordsOf } from '../../plan/dns-records.ts';
import { applySpec } from '../../plan/instance-spec.ts';
import type { StepIo } from '../work.ts';

/** Under which names the instance is found from now on; machines are told when they next are. */
export async function recordNames({ work, task, dns }: StepIo): Promise<void> {
  const { instance, jobs } = work;
  if (jobs === null) return; // it compiles: nobody asks for it
  const links = jobs.linkGroups ?? (await task.store.dns.recordsOf(instance.id))[0]?.links ?? [];
  const { deployment, group, az } = instance;
  const records = dnsRecordsOf({
    deployment,
    group,
    az,
    domain: dns.settings.domain,
    networks: applySpec(jobs.spec).networks,
    agentId: activeVm(instance)?.agentId ?? null,
    links,
  });
  await task.store.dns.setRecords([{ instance: instance.id, records }]);
}
