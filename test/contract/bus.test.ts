import { attachedEnd, wireEnd } from '../support/bus/agent-end.ts';
import { givenEmbeddedBus } from '../support/bus/given-embedded-bus.ts';
import { busContract } from './bus.contract.ts';

busContract('embedded, agents on sockets', async () => {
  const bus = await givenEmbeddedBus({ listens: true });
  return {
    bus,
    connectAgent: async (agentId, kind) => wireEnd(bus.endpoint().mbus, await bus.issueCredentials(agentId, kind)),
    close: async () => {},
  };
});

busContract('embedded, simulated agents', async () => {
  const bus = await givenEmbeddedBus();
  return {
    bus,
    connectAgent: async (agentId, kind) =>
      attachedEnd(bus.broker.attach({ kind: 'agent', agentId, bootstrap: kind === 'bootstrap' })),
    close: async () => {},
  };
});
