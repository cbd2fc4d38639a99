import { createLocalJWKSet, decodeJwt, jwtVerify, SignJWT, generateKeyPair, type JSONWebKeySet } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Info } from '../../director/api/contract/info.ts';
import { givenIssuer, issuerUrl } from '../support/given-issuer.ts';

let world: Awaited<ReturnType<typeof givenIssuer>>;
beforeEach(async () => {
  world = await givenIssuer({
    users: [
      { name: 'ann', password: 'koala', scopes: ['bosh.admin', 'bosh.teams.dev.admin'] },
      { name: 'bob', password: 'wombat', scopes: ['bosh.read'] },
    ],
    clients: [
      { name: 'ci', password: 'secret', scopes: ['bosh.releases.upload', 'bosh.read'] },
      { name: 'hm', password: 'beat', scopes: ['bosh.admin'] },
    ],
  });
});
afterEach(() => world.close());

const minute = 60_000;
const userOf = async (answer: Promise<Response>) => ((await (await answer).json()) as Info).user;

test('/info tells where to log in; there a client learns what to ask its user for', async () => {
  expect(await world.api.json<Info>('/info', { user: null })).toMatchObject({
    user: null,
    user_authentication: { type: 'uaa', options: { url: issuerUrl, urls: [issuerUrl] } },
  });
  expect(await world.api.json('/uaa/login', { user: null })).toMatchObject({
    prompts: { username: ['text', 'Username'], password: ['password', 'Password'] },
  });
});

test('a user logs in with a password, and is known by the token until it ends', async () => {
  const ann = await world.logIn('ann', 'koala');
  expect(ann).toMatchObject({ token_type: 'bearer', expires_in: 600, scope: 'bosh.admin bosh.teams.dev.admin' });
  expect(await userOf(world.as('/info', ann))).toBe('ann');
  expect((await world.as('/deployments', ann)).status).toBe(200);

  await world.clock.advance(10 * minute);
  expect(await userOf(world.as('/info', ann))).toBeNull();
  const late = await world.as('/deployments', ann);
  expect(late.status).toBe(401);
  expect(await late.text()).toBe("Not authorized: '/deployments'\n");
});

test('a token has the claims of a UAA, and anyone can check it with the published keys', async () => {
  const { access_token: token, jti } = await world.logIn('ann', 'koala');
  const keys = await world.api.json<JSONWebKeySet>('/uaa/token_keys', { user: null });
  const currentDate = new Date(world.clock.now());
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys), { currentDate });
  expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'JWT', kid: keys.keys[0]?.kid });
  expect(payload).toMatchObject({
    jti,
    sub: 'ann',
    user_name: 'ann',
    user_id: 'ann',
    origin: 'local',
    client_id: 'bosh_cli',
    grant_type: 'password',
    scope: ['bosh.admin', 'bosh.teams.dev.admin'],
    aud: ['bosh_cli', 'bosh', 'bosh.teams.dev'],
    iss: issuerUrl,
  });
  expect(await world.api.json('/uaa/.well-known/openid-configuration', { user: null })).toMatchObject({
    issuer: issuerUrl,
    jwks_uri: `${issuerUrl}/token_keys`,
  });
  expect(await world.api.json('/uaa/token_key', { user: null })).toMatchObject({ value: /^-----BEGIN PUBLIC KEY/ });
});

test('a program logs in with its secret, gets no refresh token, and may do what its scopes say', async () => {
  const ci = await world.token({ grant_type: 'client_credentials' }, 'ci:secret');
  expect(ci.refresh_token).toBeUndefined();
  expect(decodeJwt(ci.access_token)).toMatchObject({
    sub: 'ci',
    client_id: 'ci',
    authorities: ['bosh.releases.upload', 'bosh.read'],
  });
  expect(await userOf(world.as('/info', ci))).toBe('ci');
  expect((await world.as('/cleanup/dryrun', ci)).status).toBe(401);
  expect((await world.as('/releases', ci)).status).toBe(200);
  // the secret may come in the form, too
  const inForm = { grant_type: 'client_credentials', client_id: 'ci', client_secret: 'secret' };
  const answer = await fetch(`${world.api.url}/uaa/oauth/token`, { method: 'POST', body: new URLSearchParams(inForm) });
  expect(answer.status).toBe(200);
});

test('who asks for less gets less, and who asks for more is told', async () => {
  const less = await world.token({ grant_type: 'client_credentials', scope: 'bosh.read' }, 'ci:secret');
  expect(less.scope).toBe('bosh.read');
  expect(await world.refused({ grant_type: 'client_credentials', scope: 'bosh.admin' }, 'ci:secret')).toEqual({
    status: 400,
    error: 'invalid_scope',
    error_description: 'bosh.admin is not allowed',
  });
  const ann = await world.token({ grant_type: 'password', username: 'ann', password: 'koala', scope: 'bosh.admin' });
  expect((await world.refresh(ann)).scope).toBe('bosh.admin');
});

test('a wrong name, password, secret, token or grant is refused in the words of OAuth', async () => {
  const bad = { status: 401, error: 'unauthorized', error_description: 'Bad credentials' };
  expect(await world.refused({ grant_type: 'password', username: 'ann', password: 'no' })).toEqual(bad);
  expect(await world.refused({ grant_type: 'password', username: 'eve', password: 'no' })).toEqual(bad);
  const badClient = { status: 401, error: 'invalid_client' };
  expect(await world.refused({ grant_type: 'client_credentials' }, 'ci:no')).toMatchObject(badClient);
  expect(await world.refused({ grant_type: 'client_credentials' })).toMatchObject(badClient); // bosh_cli has no secret
  expect(
    await world.refused({ grant_type: 'password', username: 'ann', password: 'koala' }, 'ci:secret'),
  ).toMatchObject(badClient);
  expect(await world.refused({ grant_type: 'refresh_token', refresh_token: 'x' })).toMatchObject({
    status: 401,
    error: 'invalid_token',
  });
  expect(await world.refused({ grant_type: 'implicit' })).toMatchObject({
    status: 400,
    error: 'unsupported_grant_type',
  });
  expect(await world.refused({ grant_type: 'password', username: 'ann' })).toMatchObject({
    status: 400,
    error: 'invalid_request',
  });
  expect(await world.refused({})).toMatchObject({ status: 400, error: 'invalid_request' });
  const json = await fetch(`${world.api.url}/uaa/oauth/token`, { method: 'POST', body: '{}' });
  expect(json.status).toBe(400);
});

test('a refresh token gives a new token and a new refresh token, for a day from the password on', async () => {
  let ann = await world.logIn('ann', 'koala');
  for (let n = 0; n < 12; n++) {
    await world.clock.advance(118 * minute);
    ann = await world.refresh(ann);
    expect(await userOf(world.as('/info', ann))).toBe('ann');
  }
  await world.clock.advance(30 * minute);
  await expect(world.refresh(ann)).rejects.toThrow('401');
});

test('programs that began with the same token go on side by side; one that is used later ends them all', async () => {
  const first = await world.logIn('ann', 'koala');
  const deploy = await world.refresh(first);
  await world.clock.advance(9 * minute);
  const listing = await world.refresh(first);
  expect(await userOf(world.as('/info', listing))).toBe('ann');

  await world.clock.advance(2 * minute);
  await expect(world.refresh(first)).rejects.toThrow('invalid_token'); // somebody else has it
  await expect(world.refresh(deploy)).rejects.toThrow('invalid_token');
  await expect(world.refresh(listing)).rejects.toThrow('invalid_token');
});

test('whoever gives up a refresh token is logged out with all that came of it', async () => {
  const ann = await world.logIn('ann', 'koala');
  const elsewhere = await world.logIn('ann', 'koala');
  const next = await world.refresh(ann);
  expect((await world.post('/oauth/revoke', { token: next.refresh_token ?? '' })).status).toBe(200);
  expect((await world.post('/oauth/revoke', { token: 'nobody-r' })).status).toBe(200);
  await expect(world.refresh(next)).rejects.toThrow('invalid_token');
  await world.refresh(elsewhere);
});

test("an admin ends all log-ins of a user, and anyone one's own; nobody else's", async () => {
  const bob = await world.logIn('bob', 'wombat');
  const ann = await world.logIn('ann', 'koala');
  const revoke = (who: string, by: { access_token: string }) =>
    world.as(`/uaa/oauth/token/revoke/user/${who}`, by, { method: 'DELETE' });
  expect((await revoke('ann', bob)).status).toBe(401);
  expect(await (await revoke('bob', ann)).json()).toEqual({ revoked: 1 });
  await expect(world.refresh(bob)).rejects.toThrow('invalid_token');
  expect((await revoke('bob', bob)).status).toBe(200);
  expect((await revoke('bob', { access_token: 'none' })).status).toBe(401);
  await world.refresh(ann);
});

test('a server that is given a token asks whether it is good', async () => {
  const ann = await world.logIn('ann', 'koala');
  const check = (token: string, client?: string) => world.post('/check_token', { token }, client);
  expect(await (await check(ann.access_token, 'ci:secret')).json()).toMatchObject({
    user_name: 'ann',
    scope: ['bosh.admin', 'bosh.teams.dev.admin'],
  });
  expect((await check(ann.access_token)).status).toBe(401); // whoever is no one may not
  expect((await check('x.y.z', 'ci:secret')).status).toBe(401);
});

test('tokens that somebody else signed, without a signature, or of another issuer are worth nothing', async () => {
  const { access_token: good } = await world.logIn('ann', 'koala');
  const claims = decodeJwt(good);
  const { privateKey } = await generateKeyPair('RS256');
  const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
  const keys = await world.api.json<{ keys: Array<{ value: string }> }>('/uaa/token_keys', { user: null });
  const asSecret = new TextEncoder().encode(keys.keys[0]?.value);
  const confused = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(asSecret);
  const [, body = '', signature = ''] = good.split('.');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
  const more = Buffer.from(JSON.stringify({ ...claims, user_name: 'root' })).toString('base64url');
  const changed = `${good.split('.')[0]}.${more}.${signature}`;
  for (const token of [forged, confused, none, changed, 'x', '']) {
    expect(await userOf(world.as('/info', { access_token: token }))).toBeNull();
  }
});

test('a name and a password instead of a token are nobody: the password goes to the issuer alone', async () => {
  expect((await world.api.fetch('/deployments', { user: { name: 'ann', password: 'koala' } })).status).toBe(401);
});

test('after five wrong passwords even the right one waits a minute; who was known before is not kept out', async () => {
  await world.logIn('bob', 'wombat');
  const tryIn = (username: string, password: string) => world.refused({ grant_type: 'password', username, password });
  for (let n = 0; n < 5; n++) {
    expect((await tryIn('ann', 'guess')).error_description).toBe('Bad credentials');
    expect((await tryIn('bob', 'guess')).status).toBe(401);
  }
  expect(await tryIn('ann', 'koala')).toMatchObject({ status: 401, error_description: /^Too many wrong passwords/ });
  expect((await tryIn('bob', 'wombat')).status).toBe(200);
  await world.clock.advance(minute);
  expect((await tryIn('ann', 'koala')).status).toBe(200);
  expect((await tryIn('ann', 'guess')).error_description).toBe('Bad credentials');
});

test('passwords and tokens are in no answer that may be kept, and in no log', async () => {
  const lines: string[] = [];
  const note = (event: string, fields?: object) => void lines.push(JSON.stringify([event, fields]));
  const log = { debug: note, info: note, warn: note, error: note, with: () => log };
  const noted = await givenIssuer({ users: [{ name: 'ann', password: 'koala' }], log });
  const ann = await noted.logIn('ann', 'koala');
  await noted.refused({ grant_type: 'password', username: 'ann', password: 'guess-1' });
  await noted.post('/oauth/revoke', { token: ann.refresh_token ?? '' });
  await noted.refused({ grant_type: 'refresh_token', refresh_token: ann.refresh_token ?? '' });
  await noted.as('/info', { access_token: `${ann.access_token}x` });
  const answer = await noted.post('/oauth/token', { grant_type: 'password', username: 'ann', password: 'koala' });
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(lines.join('\n')).toContain('token-not-given');
  expect(lines.join('\n')).not.toMatch(/koala|guess-1/);
  expect(lines.join('\n')).not.toContain(ann.refresh_token);
  expect(lines.join('\n')).not.toContain(ann.access_token);
  await noted.close();
});
