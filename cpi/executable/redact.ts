import { isObject, type WireMethod, type WireRequest } from './wire.ts';

const hidden = '<redacted>';
/** What an operator may see of `env.bosh`: all else may be a credential of the agent. */
const shownOfBosh = ['group', 'groups', 'tags'];
/** Where a disk is found. Other keys of a hint may be credentials: those of an iSCSI target, for instance. */
const shownOfHint = ['path', 'id', 'volume_id', 'lun', 'host_device_id'];

/**
 * A request as it may be logged. Cloud properties are any operator's own words and may hold credentials; the
 * properties of a CPI config nearly always do.
 * Source: the redaction rules of bosh-director's external_cpi, and the same for update_disk and create_network.
 */
export function redacted(request: WireRequest, cpiConfigKeys: Iterable<string>): WireRequest {
  const secret = new Set(cpiConfigKeys);
  const context = Object.fromEntries(
    Object.entries(request.context).map(([key, value]) => [key, secret.has(key) ? hidden : value]),
  );
  return { ...request, context, arguments: redactArguments(request) };
}

function redactArguments({ method, arguments: given }: WireRequest): unknown[] {
  if (method === 'create_network') return given.map(redactNetwork);
  const at = { create_disk: 1, update_disk: 2 }[method as string];
  if (method !== 'create_vm') return given.map((value, i) => (i === at ? allBut([], value) : value));
  const [agentId, stemcellCid, cloudProperties, networks, diskCids, env] = given;
  return [agentId, stemcellCid, allBut([], cloudProperties), redactNetworks(networks), diskCids, redactEnv(env)];
}

function redactNetworks(networks: unknown): unknown {
  if (!isObject(networks)) return networks;
  return Object.fromEntries(Object.entries(networks).map(([name, network]) => [name, redactNetwork(network)]));
}

function redactNetwork(network: unknown): unknown {
  if (!isObject(network) || !isObject(network['cloud_properties'])) return network;
  return { ...network, cloud_properties: allBut([], network['cloud_properties']) };
}

function redactEnv(env: unknown): unknown {
  if (!isObject(env)) return hidden;
  const shown = Object.fromEntries(Object.keys(env).map((key) => [key, hidden]));
  return { ...shown, ...(Object.hasOwn(env, 'bosh') ? { bosh: allBut(shownOfBosh, env['bosh']) } : {}) };
}

function allBut(keys: string[], value: unknown): unknown {
  if (!isObject(value)) return hidden;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, keys.includes(key) ? held : hidden]));
}

/** The same for what was answered: a VM's networks, a network, a calculated size and a disk's hint. */
export function redactedResult(method: WireMethod, result: unknown): unknown {
  if (method === 'calculate_vm_cloud_properties') return allBut([], result);
  if (method === 'attach_disk' && isObject(result)) return allBut(shownOfHint, result);
  if (method === 'create_vm' && Array.isArray(result)) {
    return (result as unknown[]).map((part, i) => (i === 1 ? redactNetworks(part) : part));
  }
  if (method === 'create_network' && Array.isArray(result)) {
    return (result as unknown[]).map((part, i) => (i === 2 ? allBut([], part) : part));
  }
  if (method === 'create_network' && isObject(result)) return { ...result, cloudProperties: hidden };
  return result;
}
