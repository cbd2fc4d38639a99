import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import type { Chance } from '../../common/chance.ts';

/** Whom we are on instances, for one session. */
export interface Identity {
  user: string;
  /** As in an authorized_keys file. */
  publicKey: string;
  /** PEM. */
  privateKey: string;
}

const generate = promisify<'rsa', { bits: number }, { public: string; private: string }>(ssh2.utils.generateKeyPair);

/** RSA, which agents and servers of every age take. The name has the 20 characters that Windows allows. */
export async function freshIdentity(chance: Pick<Chance, 'uuid'>): Promise<Identity> {
  const keys = await generate('rsa', { bits: 2048 });
  const user = `bosh_${chance.uuid().replaceAll('-', '').slice(0, 15)}`;
  return { user, publicKey: `${keys.public.trim()}\n`, privateKey: keys.private };
}
