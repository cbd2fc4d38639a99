import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { messageBytesMax } from '../../../../agent/protocol.ts';
import { seededChance } from '../../../../common/chance.ts';
import { VirtualClock } from '../../../../common/clock.ts';
import { OperatorError } from '../../../../common/errors.ts';
import { id, type AgentId } from '../../../../common/ids.ts';
import { silentLog } from '../../../../common/log.ts';
import { AgentClient } from '../../../../director/bus/agent-client.ts';
import type { BusConnection } from '../../../../director/bus/bus.ts';
import type { EmbeddedBus } from '../../../../director/bus/embedded-bus.ts';
import { listenToHeartbeats } from '../../../../director/bus/heartbeats.ts';
import { givenEmbeddedBus } from '../../../support/bus/given-embedded-bus.ts';
import { running, ScriptedAgent, silent } from '../../../support/bus/scripted-agent.ts';

let clock: VirtualClock;
let bus: EmbeddedBus;
let connection: BusConnection;
let agents: AgentClient;

beforeEach(async () => {
  clock = new VirtualClock();
  bus = await givenEmbeddedBus({ clock });
  connection = await bus.connect('director');
  const heartbeats = listenToHeartbeats(await bus.connect('health-monitor'), { clock, log: silentLog });
  agents = new AgentClient({ connection, heartbeats, clock, chance: seededChance(1), log: silentLog });
});

afterEach(() => bus.close());

/** What the call fails with; time runs as far as needed. */
async function failureOf(work: Promise<unknown>): Promise<OperatorError> {
  const error = await clock.runUntil(
    work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );
  expect(error).toBeInstanceOf(OperatorError);
  return error as OperatorError; // as just expected
}

describe('calls', () => {
  test('a short method answers in one message', async () => {
    const agent = await ScriptedAgent.on(bus, { get_state: (full) => ({ agent_id: 'agent-1', full }) });
    expect(await agents.call(agent.id, 'get_state', ['full'])).toEqual({ agent_id: 'agent-1', full: 'full' });
    expect(agent.methods).toEqual(['get_state']);
  });

  test('a long action is asked after until it is done: at once, then less and less often', async () => {
    let asked = 0;
    const askedAtMs: number[] = [];
    const agent = await ScriptedAgent.on(bus, {
      apply: () => running('task-1'),
      get_task: () => {
        askedAtMs.push(clock.now() - startMs);
        return ++asked < 12 ? running('task-1') : 'applied';
      },
    });
    const startMs = clock.now();
    const told: string[] = [];
    const apply = agents.call(agent.id, 'apply', [{ deployment: 'd', index: 0, id: 'i', networks: {} }], {
      onRunning: (agentTaskId) => told.push(agentTaskId),
    });
    expect(await clock.runUntil(apply)).toBe('applied');
    expect(told).toEqual(['task-1']);
    expect(askedAtMs.map((ms, i) => ms - (askedAtMs[i - 1] ?? 0))).toEqual([
      10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000,
    ]);
    expect(agent.asked.at(-1)).toEqual({ method: 'get_task', arguments: ['task-1'] });
  });

  test('an action that has begun is asked after by whoever knows its task, and goes on when he is gone', async () => {
    let lost = false;
    const agent = await ScriptedAgent.on(bus, {
      run_errand: () => running('task-1'),
      get_task: () => {
        if (lost) throw new Error('Task with id task-1 could not be found');
        return running('task-1');
      },
      cancel_task: () => 'canceled',
    });
    expect(await agents.begin(agent.id, 'run_errand', ['smoke'])).toEqual({ agentTaskId: 'task-1' });
    const leaving = AbortSignal.abort(new OperatorError('gone', { code: 'director-stopping' }));
    const left = agents.finish(agent.id, 'run_errand', 'task-1', { signal: leaving });
    expect((await failureOf(left)).code).toBe('director-stopping');
    expect(agent.methods).not.toContain('cancel_task');
    await agents.cancel(agent.id, 'run_errand', 'task-1');
    expect(agent.asked.at(-1)).toEqual({ method: 'cancel_task', arguments: ['task-1'] });
    lost = true;
    expect((await failureOf(agents.finish(agent.id, 'run_errand', 'task-1'))).code).toBe('agent-task-lost');
  });

  test('a long action that is done at once needs no question', async () => {
    const agent = await ScriptedAgent.on(bus, { list_disk: () => ['disk-1'] });
    expect(await agents.call(agent.id, 'list_disk', [])).toEqual(['disk-1']);
  });

  test('the wrapped result of an old agent is unwrapped', async () => {
    const agent = await ScriptedAgent.on(bus, {
      drain: () => running('task-1'),
      get_task: () => ({ agent_task_id: 'task-1', state: 'done', value: 7 }),
    });
    expect(await clock.runUntil(agents.call(agent.id, 'drain', ['status']))).toBe(7);
  });

  test('a thousand calls at a time each get their own answer', async () => {
    const echo = await ScriptedAgent.on(bus, { sync_dns: (version) => version });
    const answers = Array.from({ length: 1000 }, (_, i) => agents.call(echo.id, 'sync_dns', [String(i), '', i]));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
  });

  test('what the agent says is an answer only to the question that it was asked itself', async () => {
    let replyTo = '';
    const victim = await ScriptedAgent.on(bus, { get_state: () => silent }, id<AgentId>('victim'));
    const attacker = await ScriptedAgent.on(bus, {}, id<AgentId>('attacker'));
    connection.subscribe('director.>', () => {});
    const state = agents.call(victim.id, 'get_state', []);
    await Promise.resolve();
    const spy = bus.attach(victim.id); // sees the reply subject, as the attacker might guess it
    spy.subscribe('agent.victim', (_, payload) => {
      replyTo = (JSON.parse(payload.toString()) as { reply_to: string }).reply_to;
      attacker.say(replyTo.replace('.victim.', '.attacker.'), '{"value":"all is well"}');
    });
    expect(await failureOf(state)).toMatchObject({ code: 'agent-timed-out' });
    expect(replyTo).toMatch(/^director\..+\.victim\..+/);
  });
});

describe('failures', () => {
  test('an exception names the instance, the method and the agent’s words', async () => {
    const agent = await ScriptedAgent.on(bus, {
      run_script: () => {
        throw new Error('1 of 2 pre-start scripts failed');
      },
    });
    const error = await failureOf(agents.call(agent.id, 'run_script', ['pre-start', {}], { label: 'web/0' }));
    expect(error.message).toBe('web/0: run_script failed: 1 of 2 pre-start scripts failed');
    expect(error).toMatchObject({ code: 'agent-exception', retryable: false });
    expect(error.hint).toMatch(/var.vcap.*machines.vms/);
  });

  test('an exception during a long action ends the call', async () => {
    const agent = await ScriptedAgent.on(bus, {
      compile_package: () => running('task-1'),
      get_task: () => {
        const message = 'Action Failed get_task: Task 35ecb487-0bd4 result: packaging failed';
        throw Object.assign(new Error(message), { blobstore_id: 'blob-7' });
      },
    });
    const error = await failureOf(agents.call(agent.id, 'compile_package', ['b', 'd', 'golang', '1', {}]));
    expect(error.message).toBe('agent-1: compile_package failed: packaging failed');
    expect(error).toMatchObject({ code: 'agent-exception', details: { blobstoreId: 'blob-7' } });
    expect(error.hint).toContain('blob-7');
  });

  test('no answer: only what may be repeated is sent again', async () => {
    const agent = await ScriptedAgent.on(bus, {
      start: () => silent,
      get_state: () => silent,
      upload_blob: () => silent,
    });
    const startMs = clock.now();
    expect(await failureOf(agents.call(agent.id, 'start', [], { label: 'web/0' }))).toMatchObject({
      code: 'agent-timed-out',
      retryable: true,
      message: 'web/0: no answer from the agent to start in 45 s (agent agent-1)',
    });
    expect(clock.now() - startMs).toBe(45_000);
    await failureOf(agents.call(agent.id, 'get_state', []));
    await failureOf(agents.call(agent.id, 'upload_blob', [{ blob_id: '', checksum: '', payload: '' }]));
    expect(agent.methods).toEqual([
      'start',
      ...Array<string>(7).fill('get_state'),
      ...Array<string>(4).fill('upload_blob'),
    ]);
  });

  test('a lost get_task does not fail a long action', async () => {
    let asked = 0;
    const agent = await ScriptedAgent.on(bus, {
      update_settings: () => running('task-1'),
      get_task: () => (++asked <= 2 ? silent : 'ok'), // the agent restarts meanwhile
    });
    const startMs = clock.now();
    expect(await clock.runUntil(agents.call(agent.id, 'update_settings', [{}]))).toBe('ok');
    expect(clock.now() - startMs).toBe(10 + 2_000 + 4_000);
  });

  test('an agent that is silent for four minutes fails the action', async () => {
    const agent = await ScriptedAgent.on(bus, { apply: () => running('task-1'), get_task: () => silent });
    const startMs = clock.now();
    const spec = { deployment: 'd', index: 0, id: 'i', networks: {} };
    expect(await failureOf(agents.call(agent.id, 'apply', [spec], { label: 'web/0' }))).toMatchObject({
      message: 'web/0: no answer from the agent to apply in 242 s (agent agent-1)',
    });
    expect(clock.now() - startMs).toBe(10 + 242_000);
  });

  test('a call takes no longer than it may, and the agent is told that nobody waits', async () => {
    const agent = await ScriptedAgent.on(bus, {
      run_errand: () => running('task-1'),
      get_task: () => running('task-1'),
      cancel_task: () => 'canceled',
    });
    const startMs = clock.now();
    const error = await failureOf(agents.call(agent.id, 'run_errand', [], { timeoutMs: 30_000, label: 'smoke/0' }));
    expect(error.message).toBe('smoke/0: the agent did not finish run_errand within 30 s (agent agent-1)');
    expect(clock.now() - startMs).toBe(30_000);
    expect(agent.asked.at(-1)).toEqual({ method: 'cancel_task', arguments: ['task-1'] });
  });

  test('stop that takes more than 300 s counts as stopped, and is not cancelled', async () => {
    const agent = await ScriptedAgent.on(bus, { stop: () => running('task-1'), get_task: () => running('task-1') });
    const startMs = clock.now();
    expect(await clock.runUntil(agents.call(agent.id, 'stop', []))).toBe('stopped');
    expect(clock.now() - startMs).toBe(300_000);
    expect(agent.methods).not.toContain('cancel_task');
  });

  test('stop fails when the agent falls silent', async () => {
    const agent = await ScriptedAgent.on(bus, { stop: () => running('task-1'), get_task: () => silent });
    expect(await failureOf(agents.call(agent.id, 'stop', []))).toMatchObject({ code: 'agent-timed-out' });
  });

  test('stop that the agent itself gave up waiting for counts as stopped', async () => {
    const agent = await ScriptedAgent.on(bus, {
      stop: () => {
        throw new Error("Stopping Monitored Services: Timed out waiting for service 'worker'");
      },
    });
    expect(await agents.call(agent.id, 'stop', [])).toBe('stopped');
  });

  test('an old agent may lack some methods, and no others', async () => {
    const old = await ScriptedAgent.on(bus, {});
    expect(await agents.call(old.id, 'info', [])).toEqual({ api_version: 0 });
    expect(await agents.call(old.id, 'run_script', ['post-deploy', {}])).toEqual({});
    expect(await agents.call(old.id, 'update_settings', [{}])).toBe('ok');
    expect(
      await failureOf(agents.call(old.id, 'apply', [{ deployment: '', index: 0, id: '', networks: {} }])),
    ).toMatchObject({
      code: 'agent-unsupported-action',
    });
  });

  test('an answer that is none is said to be so', async () => {
    const agentId = id<AgentId>('odd');
    await bus.permit(agentId, { bootstrap: false });
    const odd = bus.attach(agentId);
    for (const answer of ['', 'pong', '{}', 'null', '[]']) {
      const subscription = odd.subscribe('agent.odd', (_, payload) => {
        odd.publish((JSON.parse(payload.toString()) as { reply_to: string }).reply_to, answer);
      });
      expect(await failureOf(agents.call(agentId, 'ping', [])), answer).toMatchObject({
        code: 'agent-answer-malformed',
      });
      subscription.unsubscribe();
    }
  });

  test('a message that is too large is refused before it is sent', async () => {
    const agent = await ScriptedAgent.on(bus, { upload_blob: () => 'blob' });
    const payload = 'x'.repeat(messageBytesMax);
    const error = await failureOf(agents.call(agent.id, 'upload_blob', [{ blob_id: 'b', checksum: 'c', payload }]));
    expect(error).toMatchObject({ code: 'bus-message-too-large' });
    expect(agent.methods).toEqual([]);
  });

  test('closing ends every call that waits', async () => {
    const agent = await ScriptedAgent.on(bus, { get_state: () => silent });
    const state = agents.call(agent.id, 'get_state', []);
    agents.close();
    expect(await failureOf(state)).toMatchObject({ code: 'bus-closed', retryable: true });
    expect(await failureOf(agents.call(agent.id, 'ping', []))).toMatchObject({ code: 'bus-closed' });
  });
});

describe('cancelling', () => {
  test('a long action is cancelled at the agent, then the call ends with the reason', async () => {
    const cancelled = new AbortController();
    const agent = await ScriptedAgent.on(bus, {
      drain: () => running('task-1'),
      get_task: () => {
        cancelled.abort(new Error('task 7 was cancelled'));
        return running('task-1');
      },
      cancel_task: () => 'canceled',
    });
    const drain = agents.call(agent.id, 'drain', ['status'], { signal: cancelled.signal });
    await expect(clock.runUntil(drain)).rejects.toThrow('task 7 was cancelled');
    expect(agent.methods).toEqual(['drain', 'get_task', 'cancel_task']);
  });

  test('an agent that cannot cancel does not change the reason', async () => {
    const cancelled = new AbortController();
    const agent = await ScriptedAgent.on(bus, {
      compile_package: () => running('task-1'),
      get_task: () => {
        cancelled.abort(new Error('cancelled'));
        return running('task-1');
      },
      cancel_task: () => {
        throw new Error('not supported');
      },
    });
    const compile = agents.call(agent.id, 'compile_package', ['', '', '', '', {}], { signal: cancelled.signal });
    await expect(clock.runUntil(compile)).rejects.toThrow('cancelled');
  });

  test('cancelled before the agent answered: the call ends at once, and the action as soon as it is known', async () => {
    const cancelled = new AbortController();
    const agent = await ScriptedAgent.on(bus, {
      drain: () => {
        cancelled.abort(new Error('cancelled'));
        return running('task-1');
      },
      cancel_task: () => 'canceled',
    });
    await expect(agents.call(agent.id, 'drain', ['status'], { signal: cancelled.signal })).rejects.toThrow('cancelled');
    await expect.poll(() => agent.methods).toEqual(['drain', 'cancel_task']);
  });

  test('cancelled before it began: nothing is sent', async () => {
    const agent = await ScriptedAgent.on(bus, { start: () => 'started' });
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(agents.call(agent.id, 'start', [], { signal })).rejects.toThrow('cancelled');
    expect(agent.methods).toEqual([]);
  });
});

describe('waiting for a new agent', () => {
  test('an agent that is there is ready at once', async () => {
    const agent = await ScriptedAgent.on(bus, { ping: () => 'pong' });
    const startMs = clock.now();
    await agents.waitUntilReady(agent.id);
    expect(clock.now()).toBe(startMs);
  });

  test('it is pinged until it answers, each second in the end', async () => {
    const agentId = id<AgentId>('agent-1');
    await bus.permit(agentId, { bootstrap: true });
    const startMs = clock.now();
    clock.after(12_300, () => void ScriptedAgent.on(bus, { ping: () => 'pong' }, agentId));
    await clock.runUntil(agents.waitUntilReady(agentId));
    expect(clock.now() - startMs).toBe(12_500);
  });

  test('its first heartbeat ends the wait at once', async () => {
    const agentId = id<AgentId>('agent-1');
    const startMs = clock.now();
    clock.after(12_300, () => {
      void ScriptedAgent.on(bus, { ping: () => 'pong' }, agentId).then((agent) => agent.beat());
    });
    await clock.runUntil(agents.waitUntilReady(agentId));
    expect(clock.now() - startMs).toBe(12_300);
  });

  test('an agent that is about to restart is asked again', async () => {
    let pings = 0;
    const agent = await ScriptedAgent.on(bus, {
      ping: () => {
        if (++pings < 3) throw new Error('restarting agent');
        return 'pong';
      },
    });
    await clock.runUntil(agents.waitUntilReady(agent.id));
    expect(pings).toBe(3);
  });

  test('silence: which VM, for how long, and what to do', async () => {
    const wait = agents.waitUntilReady(id<AgentId>('agent-9'), { label: 'web/0', vmCid: 'vm-42', timeoutMs: 90_000 });
    expect(await failureOf(wait)).toMatchObject({
      code: 'agent-unreachable',
      retryable: true,
      message: 'web/0: no answer from the agent in 90 s (VM vm-42, agent agent-9)',
    });
  });

  test('it can be cancelled', async () => {
    const cancelled = new AbortController();
    clock.after(5_500, () => cancelled.abort(new Error('cancelled')));
    const wait = agents.waitUntilReady(id<AgentId>('agent-9'), { signal: cancelled.signal });
    await expect(clock.runUntil(wait)).rejects.toThrow('cancelled');
  });
});
