import { afterEach, expect, test } from 'vitest';
import { VirtualClock, type Clock } from '../../../../common/clock.ts';
import type { TaskEngine } from '../../../../director/tasks/engine.ts';
import { ScriptedAgent } from '../../../support/bus/scripted-agent.ts';
import { openWorld, startGeneration, type GenerationOptions } from '../../../support/given-director.ts';
import { gate, newTask } from '../../../support/task-world.ts';

const clock = new VirtualClock();
const engines: TaskEngine[] = [];

afterEach(async () => {
  for (const engine of engines.splice(0)) await clock.runUntil(engine.stop({ graceMs: 0 }));
});

test('a task that is none of a deploy has its agents, too, only while it is held', async () => {
  const world = await openWorld({ clock });
  const agent = await ScriptedAgent.on(world.bus, { get_state: () => ({}) });
  const wake = gate();
  const told: string[] = [];
  const otherHandlers: GenerationOptions['otherHandlers'] = ({ deploy }) => ({
    ask: async ({ task }) => {
      if (task.attempts === 1) await wake.opened;
      await deploy.agents.call(agent.id, 'get_state', []).then(
        () => told.push(`attempt ${task.attempts} asked`),
        ({ code }: { code: string }) => told.push(`attempt ${task.attempts}: ${code}`),
      );
      return null;
    },
  });
  // Nothing fires while its process stands still.
  const still: Clock = {
    now: () => clock.now(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    after: () => ({ cancel: () => {} }),
  };
  const director = async (owner: string, own: Clock) => {
    const { engine } = await startGeneration({ ...world, clock: own }, owner, { alone: false, otherHandlers });
    engines.push(engine);
    return engine;
  };
  const stateOf = async (id: Parameters<typeof world.store.tasks.get>[0]) => (await world.store.tasks.get(id))?.state;
  const reaches = (id: Parameters<typeof stateOf>[0], state: string) =>
    clock.runUntil(
      (async () => {
        while ((await stateOf(id)) !== state) await clock.sleep(10);
      })(),
    );

  const sleeper = await director('sleeper', still);
  const { id } = await sleeper.enqueue(newTask('ask'));
  await reaches(id, 'processing');
  await director('other', clock);
  await reaches(id, 'done');
  wake.open();
  await sleeper.idle();
  expect(told).toEqual(['attempt 2 asked', 'attempt 1: lease-lost']);
  expect(agent.methods).toEqual(['get_state']);
});
