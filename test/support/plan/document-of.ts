import { atOnce } from '../../../common/in-turns.ts';
import type { DeploymentPlanDocument } from '../../../director/api/contract/plans.ts';
import { documentingPlan } from '../../../director/plan/plan-document.ts';
import type { DeploymentPlan } from '../../../director/plan/plan-deployment.ts';

export function documentOf(plan: DeploymentPlan): DeploymentPlanDocument {
  return atOnce(documentingPlan(plan, { deployment: 'site', nothingRecorded: false }));
}
