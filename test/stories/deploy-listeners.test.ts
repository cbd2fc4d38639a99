import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { cloudConfigOf, givenDirector, webTier } from '../support/given-director.ts';

test('a deploy of many instances warns of no leak, and leaves no listener on its signal', async () => {
  const director = await givenDirector();
  const warnings: string[] = [];
  const hear = (warning: Error) => warnings.push(`${warning.name}: ${warning.message}`);
  process.on('warning', hear);
  const signals = new Set<AbortSignal>();
  const call = director.agents.call.bind(director.agents);
  director.agents.call = (agentId, method, args, options) => {
    if (options?.signal !== undefined) signals.add(options.signal);
    return call(agentId, method, args, options) as ReturnType<typeof call<typeof method>>;
  };
  try {
    await director.upload();
    await director.uploadStemcell();
    await director.cloudConfig(cloudConfigOf());
    const manifest = webTier({ instances: 20 }).replace('max_in_flight: 2', 'max_in_flight: 20');
    expect(await director.deploy(manifest)).toMatchObject({ state: 'done' });
    await new Promise((resolve) => setImmediate(resolve)); // warnings are told on a later turn
    expect(warnings).toEqual([]);
    expect(signals.size).toBe(1);
    for (const signal of signals) expect(getEventListeners(signal, 'abort')).toEqual([]);
  } finally {
    process.off('warning', hear);
    await director.close();
  }
});
