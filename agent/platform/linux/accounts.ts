import { readFile } from 'node:fs/promises';
import { readIfThere } from '../../files.ts';

export interface Account {
  uid: number;
  gid: number;
  home: string;
}

/** From the machine's own files: this agent serves VMs, which have no directory service. */
export async function findUser(name: string): Promise<Account | undefined> {
  for (const [user, , uid, gid, , home] of await entries('/etc/passwd')) {
    if (user === name) return { uid: Number(uid), gid: Number(gid), home: home ?? '/' };
  }
  return undefined;
}

export async function findGroup(name: string): Promise<number | undefined> {
  const entry = (await entries('/etc/group')).find(([group]) => group === name);
  return entry === undefined ? undefined : Number(entry[2]);
}

export async function userNames(): Promise<string[]> {
  const text = await readFile('/etc/passwd', 'utf8');
  return text.split('\n').flatMap((line) => line.split(':')[0] || []);
}

async function entries(path: string): Promise<string[][]> {
  const text = (await readIfThere(path)) ?? '';
  return text.split('\n').map((line) => line.split(':'));
}
