import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActionFailed } from '../../errors.ts';
import { orAbsent } from '../../files.ts';
import type { Users } from '../platform.ts';
import { findGroup, findUser, userNames } from './accounts.ts';
import { command } from './commands.ts';

/**
 * Accounts for `bosh ssh`. Only those whose home is below `homes` are ever removed.
 * @param options.locked as useradd leaves them: servers that ask PAM let them in with a key, others do not
 */
export function linuxUsers(homes: string, { locked = true }: { locked?: boolean } = {}): Users {
  return {
    create: async (user, publicKey) => {
      if (!/^bosh_[a-z0-9_]{1,26}$/.test(user)) {
        throw new ActionFailed(`"${user}" is not the name of an ssh user`, { code: 'ssh-user-refused' });
      }
      const home = join(homes, user);
      if ((await findUser(user)) === undefined) {
        await mkdir(homes, { recursive: true, mode: 0o755 });
        // Not in the computer's list of last logins.
        await command(['useradd', '--no-log-init', '-m', '-b', homes, '-s', '/bin/bash', user]);
        if (!locked) await command(['usermod', '-p', '*', user]);
      }
      const groups: string[] = [];
      for (const group of sshGroups) if ((await findGroup(group)) !== undefined) groups.push(group);
      if (groups.length > 0) await command(['usermod', '-G', groups.join(','), user]);
      await writeKey({ user, home, publicKey });
    },
    removeMatching: async (pattern) => {
      for (const name of await userNames()) {
        if (!pattern.test(name)) continue;
        const account = await findUser(name);
        if (account === undefined || !account.home.startsWith(`${homes}/`)) continue;
        await command(['pkill', '-KILL', '-u', String(account.uid)], { accepts: [0, 1] });
        await command(['userdel', '-r', '-f', name], { accepts: [0, 12] }); // 12: its home was gone already
      }
    },
    hostPublicKey: async () => {
      for (const kind of ['ecdsa', 'ed25519', 'rsa']) {
        const key = await orAbsent(readFile(`/etc/ssh/ssh_host_${kind}_key.pub`, 'utf8'));
        if (key !== undefined) return key.trim();
      }
      throw new ActionFailed('this machine has no ssh host key in /etc/ssh', {
        code: 'ssh-unsupported',
        hint: 'Is an ssh server installed on the stemcell?',
      });
    },
  };
}

async function writeKey({ user, home, publicKey }: { user: string; home: string; publicKey: string }): Promise<void> {
  const account = await findUser(user);
  if (account === undefined) throw new ActionFailed(`the user ${user} was not created`, { code: 'ssh-user-refused' });
  const folder = join(home, '.ssh');
  const file = join(folder, 'authorized_keys');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, `${publicKey.trim()}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  for (const path of [folder, file]) await chown(path, account.uid, account.gid);
}

/** BOSH's; a stemcell that lacks one does without. */
const sshGroups = ['vcap', 'admin', 'bosh_sudoers', 'bosh_sshers'];
