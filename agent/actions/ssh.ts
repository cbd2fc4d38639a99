import { recordArgument, textArgument, textField } from '../arguments.ts';
import { ActionFailed } from '../errors.ts';
import type { SshResult } from '../protocol.ts';
import type { Action } from './action.ts';

/** `setup` makes an account for one session, `cleanup` removes those that match. */
export const ssh: Action = async ({ platform, settings }, { args }): Promise<SshResult> => {
  const command = textArgument(args, 0, 'command');
  const parameters = recordArgument(args, 1, 'parameters');
  const ip = settings.defaultNetwork()?.ip;
  const users = platform.users(ip);
  switch (command) {
    case 'setup': {
      const hostPublicKey = await users.hostPublicKey();
      await users.create(textField(parameters, 'user'), textField(parameters, 'public_key'));
      return { command, status: 'success', ...(ip !== undefined && { ip }), host_public_key: hostPublicKey };
    }
    case 'cleanup':
      await users.removeMatching(new RegExp(textField(parameters, 'user_regex')));
      return { command, status: 'success' };
    default:
      throw new ActionFailed(`ssh: unknown command "${command}"`, { code: 'ssh-command-unknown' });
  }
};
