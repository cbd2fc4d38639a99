import { describe, expect, test } from 'vitest';
import {
  commonNameOf,
  directorIdentity,
  healthMonitorIdentity,
  identityOf,
  may,
  permissionsOf,
  type Identity,
} from '../../../../director/bus/identity.ts';

const agent: Identity = { kind: 'agent', agentId: 'a1', bootstrap: false };
const bootstrap: Identity = { kind: 'agent', agentId: 'a1', bootstrap: true };

test.each([
  [directorIdentity, 'default.director.bosh-internal'],
  [healthMonitorIdentity, 'default.hm.bosh-internal'],
  [agent, 'a1.agent.bosh-internal'],
  [bootstrap, 'a1.bootstrap.agent.bosh-internal'],
])('%j is known by %s', (identity, commonName) => {
  expect(commonNameOf(identity)).toBe(commonName);
  expect(identityOf(commonName)).toEqual(identity);
});

test.each([
  '',
  'agent.bosh-internal',
  '.agent.bosh-internal',
  '*.agent.bosh-internal',
  '>.agent.bosh-internal',
  'a.b.agent.bosh-internal',
  'a1.agent.bosh-internal.evil.com',
  'default.nats.bosh-internal',
  'other.director.bosh-internal',
])('nobody is known by "%s"', (commonName) => {
  expect(identityOf(commonName)).toBeUndefined();
});

describe('permissions', () => {
  const allowed = (identity: Identity, act: 'publish' | 'subscribe', subject: string) =>
    may(identity, act, subject.split('.'));

  test('an agent’s are its own, and the same with bootstrap credentials', () => {
    const own = {
      publish: ['hm.agent.heartbeat.a1', 'hm.agent.alert.a1', 'hm.agent.shutdown.a1', 'director.*.a1.*'],
      subscribe: ['agent.a1'],
    };
    expect(permissionsOf(agent)).toEqual(own);
    expect(permissionsOf(bootstrap)).toEqual(own);
    for (const subject of own.publish) expect(allowed(agent, 'publish', subject)).toBe(true);
    expect(allowed(agent, 'publish', 'director.inbox.a1.request')).toBe(true);
  });

  test.each([
    'director.inbox.a2.request',
    'director.inbox.a1',
    'director.inbox.a1.x.y',
    'hm.agent.heartbeat',
    'agent.a1',
  ])('an agent may not publish on %s', (subject) => expect(allowed(agent, 'publish', subject)).toBe(false));

  test.each(['agent.*', 'agent.>', '>', '*.a1', 'agent.a1.x', 'agent.<id>'])(
    'an agent may not subscribe to %s',
    (pattern) => expect(allowed(agent, 'subscribe', pattern)).toBe(false),
  );

  test('a pattern is allowed when all that it can mean is', () => {
    expect(allowed(directorIdentity, 'subscribe', 'director.inbox.>')).toBe(true);
    expect(allowed(directorIdentity, 'subscribe', 'director.>')).toBe(true);
    expect(allowed(directorIdentity, 'subscribe', 'director.*.a1.*')).toBe(true);
    expect(allowed(directorIdentity, 'subscribe', '*.inbox')).toBe(false);
    expect(allowed(directorIdentity, 'subscribe', 'director')).toBe(false);
    expect(allowed(healthMonitorIdentity, 'subscribe', 'hm.agent.heartbeat.a1')).toBe(true);
    expect(allowed(healthMonitorIdentity, 'subscribe', 'hm.agent.heartbeat.>')).toBe(false);
    expect(allowed(healthMonitorIdentity, 'subscribe', 'hm.>')).toBe(false);
  });
});
