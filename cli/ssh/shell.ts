import type { ClientChannel } from 'ssh2';
import { CliError } from '../failure.ts';
import type { Access } from './access.ts';

/** The terminal that somebody sits at; the process's own, or a test's. */
export interface Terminal {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
}

/** A shell on one host: every key goes there, Ctrl-C too. @throws CliError unless the shell ends with 0 */
export async function openShell(
  { hosts, connector }: Access,
  { input, output }: Terminal = ownTerminal(),
): Promise<void> {
  const [host, ...others] = hosts;
  if (host === undefined || others.length > 0)
    throw new CliError('Interactive SSH only works for a single host at a time');
  const client = await connector.connect(host);
  const size = () => ({ rows: output.rows || 24, cols: output.columns || 80, width: 0, height: 0 });
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.shell({ term: process.env['TERM'] ?? 'vt100', ...size() }, (error, opened) =>
      error === undefined ? resolve(opened) : reject(error),
    ),
  );
  const resized = () => {
    const { rows, cols, height, width } = size();
    channel.setWindow(rows, cols, height, width);
  };
  const isRaw = input.isTTY === true;
  if (isRaw) input.setRawMode(true);
  output.on('resize', resized);
  input.pipe(channel);
  channel.pipe(output, { end: false });
  channel.stderr.pipe(output, { end: false });
  let code: number | null = null;
  channel.once('exit', (exitCode: number | null) => (code = exitCode));
  try {
    await new Promise<void>((resolve) => channel.once('close', () => resolve()));
  } finally {
    output.off('resize', resized);
    input.unpipe(channel);
    input.pause();
    if (isRaw) input.setRawMode(false);
    client.end();
  }
  output.write(`Connection to ${host.address} closed.\r\n`);
  if (code !== 0) throw new CliError(`exit status ${code ?? 'unknown: the connection was cut'}`);
}

const ownTerminal = (): Terminal => ({ input: process.stdin, output: process.stdout });
