import type { AgentAlert } from './protocol.ts';
import type { ServiceAlert } from './supervise/service.ts';

/** As BOSH's agent rates monit's events: 1 alert, 2 critical, 3 error, 4 warning. */
const severities: Record<ServiceAlert['event'], number> = {
  'does not exist': 1,
  'execution failed': 1,
  timeout: 2,
  'resource limit matched': 3,
};

/** What the health monitor is told of a service; the title is the one that operators' filters know. */
export function alertOf(
  { service, event, action, description }: ServiceAlert,
  { id, ips, nowMs }: { id: string; ips: readonly string[]; nowMs: number },
): AgentAlert {
  const where = ips.length === 0 ? service : `${service} (${ips.join(', ')})`;
  return {
    id,
    severity: severities[event],
    title: `${where} - ${event} - ${action}`,
    summary: description,
    created_at: Math.floor(nowMs / 1000),
  };
}
