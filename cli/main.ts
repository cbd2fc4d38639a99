#!/usr/bin/env node
import { runCli } from './run.ts';

// Node leaves it undefined for what is no terminal
const terminal = process.stdout.isTTY === true;
/** As a shell tells that a signal was the end. */
const killedBy = { sigint: 128 + 2, sigpipe: 128 + 13 };
/** It has more to do than to print. */
let serves = false;
/** Set while it has something to clean up before it ends. */
let leave: (() => void) | undefined;
/** Its terminal was closed. */
let hungUp = false;
// `gantry … | head` has read enough: ends as every Unix program does, for which Node ignores SIGPIPE. A terminal that
// was closed is the same
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    if (leave !== undefined) leave();
    else if (!serves) process.exit(killedBy.sigpipe);
  });
}

process.exitCode = await runCli({
  words: process.argv.slice(2),
  env: process.env,
  cwd: workingDirectory(),
  terminal,
  streams: {
    out: (bytes) => void process.stdout.write(bytes),
    err: (text) => void process.stderr.write(text),
    input: process.stdin,
    ...(terminal && process.env['TERM'] !== 'dumb' ? { columns: () => process.stdout.columns } : {}),
  },
  untilStopped,
  untilLeft,
  onInterrupt,
  // put in by the build
  version: process.env.GANTRY_VERSION ?? '0.0.0',
});

// as what this signal does; Node would abort, for it resets the terminal when it exits
if (hungUp) process.kill(process.pid, 'SIGHUP');

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    process.stderr.write('The directory that you are in is gone: go to another one first.\n');
    process.exit(1);
  }
}

/** Until someone wants us to stop. Without anybody asking, a signal ends the process as ever; a second one always. */
function untilStopped(): Promise<void> {
  serves = true;
  return new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const stop = (signal: NodeJS.Signals) => {
      for (const each of signals) process.off(each, stop);
      hungUp = signal === 'SIGHUP';
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

/** The first signal asks it to end, the next one ends it. */
function untilLeft(): Promise<void> {
  return new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    leave = () => {
      for (const each of signals) process.off(each, stop);
      resolve();
    };
    const stop = (signal: NodeJS.Signals) => {
      hungUp = signal === 'SIGHUP';
      leave?.();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

/** Ends as Ctrl-C would, once what has to be said is said. */
function onInterrupt(tell: () => void): () => void {
  const end = () => {
    if (leave !== undefined) return; // it ends by itself
    tell();
    process.exit(killedBy.sigint);
  };
  process.once('SIGINT', end);
  return () => process.off('SIGINT', end);
}
