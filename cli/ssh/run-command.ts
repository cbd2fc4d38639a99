import pLimit from 'p-limit';
import type { Client, ClientChannel } from 'ssh2';
import { messageOf } from '../../common/errors.ts';
import { CliError } from '../failure.ts';
import type { Access } from './access.ts';
import type { Host } from './connector.ts';
import type { InstanceOutput, Outputs } from './outputs.ts';

/** Handshakes at a time: each takes some milliseconds of one core, and what runs then needs no more of it. */
const handshakesAtOnce = 20;
/** As ssh, where it could not connect. */
const unreachable = 255;

/**
 * Runs one command on all hosts side by side, each with a terminal of no size, as bosh has it: it ends with the
 * connection, and programs that want a terminal run.
 * @throws CliError naming each host where it did not end with 0
 */
export async function runOnAll({ hosts, connector }: Access, command: string, outputs: Outputs): Promise<void> {
  const limit = pLimit(handshakesAtOnce);
  const failures = await Promise.all(
    hosts.map(async (host) => {
      const output = outputs.of(host.label);
      try {
        const client = await limit(() => connector.connect(host));
        const code = await runOn(client, command, output);
        client.end();
        output.stderr(`Connection to ${host.address} closed.\r\n`);
        const failure = code === 0 ? undefined : `exit status ${code}`;
        output.end(code, failure);
        return failure === undefined ? [] : [`${host.label}: ${failure}`];
      } catch (thrown) {
        output.stderr(`ssh: connect to host ${host.address} port 22: ${messageOf(thrown)}\r\n`);
        output.end(unreachable, messageOf(thrown));
        return [`${host.label}: ${reasonOf(thrown, host)}`];
      }
    }),
  );
  outputs.flush();
  const all = failures.flat();
  if (all.length > 0) throw severalErrors(all);
}

export function severalErrors(failures: readonly string[]): CliError {
  const count = failures.length === 1 ? '1 error occurred' : `${failures.length} errors occurred`;
  return new CliError(`${count}:\n${failures.map((failure) => `\t* ${failure}`).join('\n')}`);
}

/** @returns what it exits with; 128 and the signal, as shells tell it, where one ended it */
async function runOn(client: Client, command: string, output: InstanceOutput): Promise<number> {
  const channel = await opened(client, command);
  const decoders = [new TextDecoder(), new TextDecoder()] as const;
  channel.on('data', (bytes: Buffer) => output.stdout(decoders[0].decode(bytes, { stream: true })));
  channel.stderr.on('data', (bytes: Buffer) => output.stderr(decoders[1].decode(bytes, { stream: true })));
  let code: number | undefined;
  channel.once('exit', (exitCode: number | null) => (code = exitCode ?? undefined));
  await new Promise<void>((resolve) => channel.once('close', () => resolve()));
  return code ?? unreachable;
}

function opened(client: Client, command: string): Promise<ClientChannel> {
  const pty = { term: process.env['TERM'] ?? 'dumb', rows: 0, cols: 0, width: 0, height: 0 };
  return new Promise((resolve, reject) =>
    client.exec(command, { pty }, (error, channel) => (error === undefined ? resolve(channel) : reject(error))),
  );
}

/** The library's own words for what a changed key, or none of ours, means. */
function reasonOf(thrown: unknown, { address }: Host): string {
  const text = messageOf(thrown);
  if (/host verification failed/i.test(text) || /handshake failed.*host key/i.test(text))
    return `${address} has another host key than its agent told: somebody else may be answering there`;
  return text;
}
