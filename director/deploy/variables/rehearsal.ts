import type { Clock } from '../../../common/clock.ts';
import type { ConfigServer, Credential, GenerationRequest } from '../../credentials/config-server.ts';
import { makeValue } from '../../credentials/own/make-value.ts';

/**
 * The config server as a dry run sees it: what is there is read, and what a deploy would make is made here and thrown
 * away. What would only be made anew stays as it is.
 */
export function rehearsalOf(server: ConfigServer, clock: Clock): ConfigServer {
  const made = new Map<string, Credential>();
  const current: ConfigServer['current'] = async (names, signal) => {
    const unmade = names.filter((name) => !made.has(name));
    const found = unmade.length === 0 ? new Map<string, Credential>() : new Map(await server.current(unmade, signal));
    for (const name of names) {
      const own = made.get(name);
      if (own !== undefined) found.set(name, own);
    }
    return found;
  };
  const generate: ConfigServer['generate'] = async ({ name, type, parameters }: GenerationRequest, signal) => {
    const present = (await current([name], signal)).get(name);
    if (present !== undefined) return present;
    const value = await makeValue({
      name,
      type,
      parameters,
      now: new Date(clock.now()),
      authority: async (ca) => (await current([ca], signal)).get(ca)?.value,
    });
    const credential = { id: `rehearsed ${name}`, name, value };
    made.set(name, credential);
    return credential;
  };
  return { current, byId: (ids, signal) => server.byId(ids, signal), generate };
}
