import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../common/clock.ts';
import { seededChance } from '../../../../../common/chance.ts';
import { AccessTokens } from '../../../../../director/auth/issuer/access-tokens.ts';
import { SigningKeys } from '../../../../../director/auth/issuer/signing-keys.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'keys-'));
  file = join(dir, 'token-keys.json');
});
afterEach(() => rm(dir, { recursive: true }));

const day = 86_400_000;
const kids = ({ publicKeys }: SigningKeys) => publicKeys.map(({ kid }) => kid);

async function signedBy(keys: SigningKeys): Promise<string> {
  const clock = new VirtualClock(Date.now());
  const tokens = new AccessTokens({ keys, clock, chance: seededChance(1), issuer: () => 'i', lifetimeMs: 600_000 });
  return (await tokens.sign({ client: 'ci', scopes: [] }, 'client_credentials')).token;
}

test('a key is made once, for the director alone to read, and is the same after a restart', async () => {
  const first = await SigningKeys.kept(file, 0);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const again = await SigningKeys.kept(file, day);
  expect(kids(again)).toEqual(kids(first));
  await jwtVerify(await signedBy(first), again.byToken);
});

test('what is published has no private part', async () => {
  const { publicKeys } = await SigningKeys.kept(file, 0);
  expect(Object.keys(publicKeys[0] ?? {}).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use', 'value']);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ keys: [{ jwk: { d: expect.any(String) } }] });
});

test('after half a year the next key signs, and tokens of the one before are good still; it goes a month later', async () => {
  const old = await SigningKeys.kept(file, 0);
  const oldToken = await signedBy(old);
  const now = await SigningKeys.kept(file, 180 * day);
  expect(kids(now)).toHaveLength(2);
  expect(now.newest.kid).not.toBe(old.newest.kid);
  await jwtVerify(oldToken, now.byToken);
  const later = await SigningKeys.kept(file, 210 * day);
  expect(kids(later)).toEqual([now.newest.kid]);
  await expect(jwtVerify(oldToken, later.byToken)).rejects.toThrow();
});

test('a file that is damaged is told by its path: nobody is logged out by silence', async () => {
  await writeFile(file, '{"keys":');
  await expect(SigningKeys.kept(file, 0)).rejects.toMatchObject({
    code: 'token-keys-unreadable',
    message: /token-keys\.json/,
  });
});
