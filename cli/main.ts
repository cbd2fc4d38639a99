#!/usr/bin/env node
import { runCli } from './run.ts';

process.exitCode = await runCli({
  words: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  terminal: process.stdout.isTTY,
  streams: {
    out: (bytes) => void process.stdout.write(bytes),
    err: (text) => void process.stderr.write(text),
    input: process.stdin,
    ...(process.stdout.isTTY && process.env['TERM'] !== 'dumb' ? { columns: () => process.stdout.columns } : {}),
  },
  untilStopped,
  // put in by the build
  version: process.env.GANTRY_VERSION ?? '0.0.0',
});

/** Until someone wants us to stop. Without anybody asking, a signal ends the process as ever; a second one always. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
