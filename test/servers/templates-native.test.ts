import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { silentLog } from '../../common/log.ts';
import { nativeRenderer } from '../../director/templates/native.ts';
import type { JobTemplates } from '../../director/templates/renderer.ts';

/** Needs a `ruby` on the PATH. */
const limits = { lanesMax: 1, pendingMax: 10, idleMs: 60_000, renderMsMax: 2_000, memoryMibMax: 512 };
const native = (ruby = 'ruby') =>
  nativeRenderer({ ...limits, outputBytesMax: 1_000_000, ruby }, { clock: systemClock, log: silentLog });

const renderer = native();
afterAll(() => renderer.close());

const job = (text: string): JobTemplates => ({
  name: 'web',
  monit: 'check <%= name %>',
  templates: [{ source: 't', destination: 'config/t', text }],
});
const instance = (index: number, port = 80) => ({ spec: { name: 'web', index, properties: { port }, links: {} } });

async function contents(text: string, ...instances: ReturnType<typeof instance>[]): Promise<string[]> {
  const outcomes = await renderer.render(job(text), instances);
  return outcomes.map((outcome) => {
    if (outcome.ok) return outcome.job.files[0]?.content.toString() ?? '';
    return outcome.faults.map(({ code, line, message }) => `${code} ${line}: ${message}`).join();
  });
}

test('the same templates give the same, without the sandbox', async () => {
  expect(await contents('<%= p("port") + index %>', instance(0), instance(1, 90))).toEqual(['80', '91']);
  expect(await contents('\n<%= p("x") %>', instance(0))).toEqual([`template-raised 2: Can't find property '["x"]'`]);
});

test('each job has a Ruby of its own', async () => {
  expect(
    await contents('<% $left = 1; ::String.class_eval { def shout = upcase } %><%= "a".shout %>', instance(0)),
  ).toEqual(['A']);
  expect(await contents('<%= $left.inspect %><%= "a".respond_to?(:shout) %>', instance(0))).toEqual(['nilfalse']);
});

test('a template that prints, ends its process or never ends harms itself alone', async () => {
  expect(await contents('<% puts 1; STDOUT.puts 2; warn 3 %>x', instance(0))).toEqual(['x']);
  expect(await contents('<% exit!(false) if index == 1 %>x', instance(0), instance(1))).toEqual([
    'x',
    expect.stringMatching(/^template-crashed/),
  ]);
  expect(await contents('<% loop { } %>', instance(0))).toEqual([expect.stringMatching(/^template-timeout .* 2 s$/)]);
  expect(await contents('still here', instance(0))).toEqual(['still here']);
});

test('a ruby that is not there is an error with a name', async () => {
  const missing = native('/nowhere/ruby');
  await expect(missing.render(job(''), [instance(0)])).rejects.toMatchObject({ code: 'ruby-did-not-start' });
  await missing.close();
});
