import type { Action } from './action.ts';

/** Stops all services. Protocol 3 waits until they are gone; older directors poll. */
export const stop: Action = async ({ supervisor, log }, { protocol, signal }) => {
  const stopping = supervisor.stop(signal);
  if (protocol > 2) await stopping;
  else stopping.catch((thrown: unknown) => log.warn('stop-failed', { error: String(thrown) }));
  return 'stopped';
};
