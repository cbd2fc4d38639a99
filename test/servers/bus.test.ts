import { wireEnd } from '../support/bus/agent-end.ts';
import { givenNatsServer } from '../support/bus/given-nats-server.ts';
import { busContract } from '../contract/bus.contract.ts';

busContract('nats-server', async () => {
  const { bus, url, close } = await givenNatsServer();
  return {
    bus,
    connectAgent: async (agentId, kind) => wireEnd(url, await bus.issueCredentials(agentId, kind)),
    close,
  };
});
