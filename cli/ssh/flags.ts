import type { FlagSpec } from '../given.ts';

// Apart from what uses them, which takes time to load.

export const gatewayFlags: readonly FlagSpec[] = [
  { name: 'gw-disable', text: 'Disable usage of gateway connection', env: 'BOSH_GW_DISABLE' },
  { name: 'gw-user', value: 'NAME', text: 'Username for gateway connection', env: 'BOSH_GW_USER' },
  { name: 'gw-host', value: 'HOST', text: 'Host for gateway connection', env: 'BOSH_GW_HOST' },
  {
    name: 'gw-private-key',
    value: 'PATH',
    text: 'Private key path for gateway connection',
    env: 'BOSH_GW_PRIVATE_KEY',
  },
  { name: 'gw-socks5', value: 'URL', text: 'SOCKS5 URL', env: 'BOSH_ALL_PROXY' },
];

/** Flags of everything that logs in to instances. */
export const accessFlags: readonly FlagSpec[] = [
  ...gatewayFlags,
  { name: 'director', text: 'Target the VM of a director made by create-env (not built yet)' },
  { name: 'agent-endpoint', value: 'URL', text: "Address of that VM's agent", env: 'BOSH_AGENT_ENDPOINT' },
  { name: 'agent-certificate', value: 'CERT', text: "CA of that VM's agent", env: 'BOSH_AGENT_CERTIFICATE' },
];

export const keyFlags: readonly FlagSpec[] = [
  { name: 'private-key', short: 'i', value: 'PATH', text: 'SSH using authorized key' },
  { name: 'username', short: 'l', value: 'NAME', text: 'Login name for authorized key', fallback: 'vcap' },
];
