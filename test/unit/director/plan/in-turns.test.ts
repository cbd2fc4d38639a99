import { expect, test } from 'vitest';
import { layingOut } from '../../../../director/plan/layout.ts';
import { planningDeployment } from '../../../../director/plan/plan-deployment.ts';
import { documentingPlan } from '../../../../director/plan/plan-document.ts';
import { documentOf } from '../../../support/plan/document-of.ts';
import { planOf } from '../../../support/plan/plan-of.ts';
import { optionsOf, wantedOf } from '../../../support/plan/wanted-of.ts';

/** How often others have their turn, and what comes of it. */
function counted<R>(computing: Generator<void, R>): { turns: number; result: R } {
  for (let turns = 0; ; turns++) {
    const step = computing.next();
    if (step.done === true) return { turns, result: step.value };
  }
}

test('others have their turn while a thousand instances are planned, and the plan is the same', () => {
  const cloud = {
    networks: [{ name: 'default', subnets: [{ range: '10.0.0.0/16', gateway: '10.0.0.1', azs: ['z1', 'z2', 'z3'] }] }],
  };
  const wanted = wantedOf({ instance_groups: [{ name: 'web', instances: 1_000, azs: ['z1', 'z2', 'z3'] }] }, cloud);
  const actual = { instances: [], addresses: [] };
  const { layout, instances, plan, options } = planOf(wanted, actual, optionsOf(), 'a');
  const ids = layout.groups.flatMap((group) => group.instances.map(({ id }) => id));
  const laidOut = counted(layingOut(wanted, actual, ids));
  const planned = counted(planningDeployment(layout, instances, options, false));
  const documented = counted(documentingPlan(plan, { deployment: 'site', nothingRecorded: false }));
  expect(laidOut.turns).toBeGreaterThanOrEqual(10);
  expect(planned.turns).toBeGreaterThanOrEqual(10);
  expect(documented.turns).toBeGreaterThanOrEqual(9);
  expect(laidOut.result.groups[0]?.instances).toHaveLength(1_000);
  expect(planned.result).toEqual(plan);
  expect(documented.result).toEqual(documentOf(plan));
});
