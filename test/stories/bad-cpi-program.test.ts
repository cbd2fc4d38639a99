import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ExecutableCpi } from '../../cpi/executable.ts';
import { givenCpiProgram, type Fault } from '../support/given-cpi-program.ts';
import {
  cloudConfigOf,
  enqueueDeploy,
  openWorld,
  startGeneration,
  uploadCloudConfig,
  uploadRelease,
  uploadStemcell,
  webTier,
} from '../support/given-director.ts';

// A CPI program that does not do what it should, and what the operator reads of it.

let program: Awaited<ReturnType<typeof givenCpiProgram>>;
let world: Awaited<ReturnType<typeof openWorld>>;
let director: Awaited<ReturnType<typeof startGeneration>>;
beforeEach(async () => {
  program = await givenCpiProgram({ timeLimitsMs: { create_vm: 8_000 } });
  world = await openWorld();
  const cpi: ExecutableCpi = program.open();
  director = await startGeneration({ ...world, cpi }, 'only');
  await uploadRelease(world);
  await uploadStemcell({ ...world, cpi });
  await uploadCloudConfig(world, cloudConfigOf());
});
afterEach(async () => {
  await director.engine.stop({ graceMs: 1000 });
  director.agents.close();
  director.heartbeats.close();
  await world.bus.close();
  await world.store.close();
  await program.remove();
});

const enqueue = () => enqueueDeploy(world, director.engine, webTier({ instances: 1 }));
async function deploy() {
  const { id } = await enqueue();
  await director.engine.idle();
  return ended(id);
}
async function ended(id: Awaited<ReturnType<typeof enqueue>>['id']) {
  const events = (await world.store.tasks.output(id, 'event', { from: 0, bytesMax: 1e6 }))?.bytes.toString() ?? '';
  return { ...(await world.store.tasks.get(id)), events };
}

test.each<[Fault, string, string]>([
  [
    'garbage',
    '<html>Bad gateway</html>',
    "it is no JSON: <html>Bad gateway</html>, in 'create_vm' CPI method (CPI request ID: 'cpi-",
  ],
  ['garbage', '{"result":{}}', 'it lacks error and log: {'],
  ['garbage', ' '.repeat(17 * 1024 * 1024), 'it has 17825792 bytes, which is too many'],
  ['die-first', '', 'it is no JSON: nothing at all; the program was killed by SIGKILL'],
])('create_vm by a program with the fault %s', async (fault, content, message) => {
  await program.fault('create_vm', fault, content);
  const failed = await deploy();
  expect(failed.state).toBe('error');
  expect(failed.events).toContain('Invalid CPI response: ');
  expect(failed.events).toContain(JSON.stringify(message).slice(1, -1));
  expect(failed.events).toContain('It may have been made. Look for it on the infrastructure');

  expect(failed.events).toMatch(/the VM of agent \S+ may exist on the infrastructure/);

  // It is given up with this, and the next deploy asks for another
  expect(await world.store.instances.all()).toMatchObject([{ vms: [] }]);
  await program.fault('create_vm', 'refuse', 'no room');
  const refused = await deploy();
  // As a BOSH director says it, and scripts match on it; then where, and what to do
  const error =
    /CPI error 'Bosh::Clouds::CloudError' with message 'no room' in 'create_vm' CPI method \(CPI request ID: 'cpi-\d{6}'\)/;
  expect(refused.result).toMatch(new RegExp(`^${error.source}$`));
  expect(errorsOf(refused.events)).toEqual([
    expect.stringMatching(new RegExp(`^${error.source}$`)), // in its stage
    expect.stringMatching(
      new RegExp(
        `^${error.source}\nThis was at compilation-\\S+\\.\nWhat the CPI wrote is shown by: bosh task ${refused.id} --cpi$`,
      ),
    ),
  ]);
});

/** What a client shows of them. */
function errorsOf(events: string): string[] {
  return events.split('\n').flatMap((line) => {
    const { data, error } = JSON.parse(line || '{}') as { data?: { error?: string }; error?: { message: string } };
    return data?.error ?? error?.message ?? [];
  });
}

test('a program that hangs is ended after its limit; who cancels meanwhile is told what is waited for', async () => {
  await program.fault('create_vm', 'hang');
  const { id } = await enqueue();
  const calls = async () =>
    (await world.store.tasks.output(id, 'cpi', { from: 0, bytesMax: 1e6 }))?.bytes.toString() ?? '';
  await expect.poll(calls, { timeout: 5000 }).toContain('"method":"create_vm"');
  await director.engine.cancel(id);
  await director.engine.idle();
  const cancelled = await ended(id);
  expect(cancelled.state).toBe('cancelled');
  expect(cancelled.events).toContain(`task ${id} ends when what is under way has ended, such as calls of the CPI`);
  expect(cancelled.events).toContain('it did not come in 8 s, and the program was ended');
  expect(await world.store.locks.list(world.clock.now())).toEqual([]);
});
